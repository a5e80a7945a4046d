"""The kit as others get it: a wheel in a fresh environment audits a good and a bad factory of another project."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
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


def checked(*command: object, cwd: Path | None = None) -> None:
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a program of a fresh environment, in a project of its own."""
    place = tmp_path_factory.mktemp("fresh")
    checked(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place, cwd=ROOT)
    (wheel,) = place.glob("*.whl")
    environment = place / "environment"
    venv.create(environment, symlinks=True)
    programs = environment / "bin"
    checked(sys.executable, "-m", "pip", "--python", programs / "python", "install", "--no-index", "--no-deps", wheel)
    # What the wheel depends on is borrowed from here by path alone, so that no index is needed; ours is not: its own
    # link to the sources is not followed, and the installed wheel comes first.
    (libraries,) = environment.glob("lib/python*/site-packages")
    (libraries / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    project = place / "project"
    project.mkdir()
    (project / "shop.py").write_text(SHOP)

    def run_there(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(programs / program), *arguments]
        return subprocess.run(
            command, cwd=project, env={"HOME": str(project)}, capture_output=True, text=True, check=False
        )

    return run_there


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
    assert "cannot be loaded" in nowhere.stderr
