"""What CI runs is what a person runs, and there a skip is a failure."""

from __future__ import annotations

import os
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
    assert script.read_text().rstrip().splitlines()[-1].startswith("make check test")
    assert os.access(script, os.X_OK)
