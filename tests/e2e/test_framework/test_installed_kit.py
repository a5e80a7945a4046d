"""The kit as others get it: a wheel in a fresh environment audits a good and a bad factory of another project."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.long
SHOP = """
class Good:
    _ssot_validation_enabled = True
    def configure(self): ...
    def get_factory_metrics(self): ...
    def cleanup(self): ...

class Bad(Good):
    cleanup = None
    def create_for_user(self, context):
        return context
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(install: Callable[[Path, str], Run], wheel: Path) -> Run:
    """Runs a program of a fresh environment, in a project of its own."""
    run = install(wheel, "dev.lock")
    written = run("python", "-c", f"open('shop.py', 'w').write({SHOP!r})")
    assert written.returncode == 0, written.stderr
    return run


def test_the_kit_comes_from_the_wheel(run: Run) -> None:
    done = run(
        "python", "-c", "import test_framework, netra_backend; print(test_framework.__file__, netra_backend.__file__)"
    )
    assert done.stdout.count("/environment/lib/") == 2, done.stdout + done.stderr


def test_pytest_audits_a_good_factory(run: Run) -> None:
    done = run("python", "-m", "pytest", "-p", "no:cacheprovider", "--netra-audit", "shop:Good")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_pytest_audits_a_bad_factory_and_says_what_to_do(run: Run) -> None:
    done = run("python", "-m", "pytest", "-p", "no:cacheprovider", "--netra-audit", "shop:Bad")
    assert done.returncode == 1
    assert "Missing SSOT-required method: cleanup" in done.stdout
    assert "Bad.create_for_user accepts user_id='placeholder_user_123'" in done.stdout
    assert "→ refuse it" in done.stdout


def test_the_command_line_audits_both(run: Run) -> None:
    good = run("netra", "check", "--factory", "shop:Good")
    assert (good.returncode, good.stdout.strip()) == (0, "Good: complies")
    bad = run("netra", "check", "--factory", "shop:Bad")
    assert bad.returncode == 1
    assert "Missing SSOT-required method: cleanup" in bad.stdout
    nowhere = run("netra", "check", "--factory", "nowhere:Factory")
    assert nowhere.returncode == 2
    assert "There is no module 'nowhere'" in nowhere.stderr
