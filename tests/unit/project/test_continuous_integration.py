"""What CI runs is what a person runs, and there a skip is a failure."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SKIPPING = """
import pytest

def test_one():
    pytest.skip("something is missing: install it")

def test_two():
    pass
"""


@pytest.mark.parametrize(("environment", "code"), [({"CI": "true"}, 1), ({"CI": ""}, 0)])
def test_a_skip_fails_in_ci_and_only_there(root: Path, tmp_path: Path, environment: dict[str, str], code: int) -> None:
    (tmp_path / "conftest.py").write_text((root / "tests" / "conftest.py").read_text())
    (tmp_path / "test_it.py").write_text(SKIPPING)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            os.devnull,
            "--rootdir",
            tmp_path,
            tmp_path,
        ],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout
    assert ("in CI nothing may be" in done.stdout) is bool(code)


def test_ci_runs_the_same_targets_as_a_person(root: Path) -> None:
    script = root / ".ci" / "run"
    assert script.read_text().rstrip().splitlines()[-1] == "make check audit test test-all prove"
    assert "export CI=true" in script.read_text(), "a skip would pass"
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize("is_property", [True, False])
@pytest.mark.parametrize("is_long", [True, False])
def test_each_test_is_in_one_of_the_two_halves_and_properties_that_are_not_long_are_in_both(
    root: Path, is_long: bool, is_property: bool
) -> None:
    halves = re.findall(r'-m "(.+)" --hypothesis-profile (\w+)', (root / "Makefile").read_text())
    run = [profile for chosen, profile in halves if eval(chosen, {"long": is_long, "hypothesis": is_property})]
    assert run == ["quick"] * (not is_long) + ["thorough"] * (is_long or is_property)
