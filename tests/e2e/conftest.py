"""What is shipped, as others get it: built here, and installed in fresh environments, with no index anywhere."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 240.0
Run = Callable[..., subprocess.CompletedProcess[str]]


def done(*command: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command, run in this directory with this environment and no other variable."""
    words = [str(word) for word in command]
    return subprocess.run(
        words, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )


def checked(*command: object, cwd: Path, **environment: str) -> str:
    """What the command prints; it exits with 0."""
    ended = done(*command, cwd=cwd, **environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="session")
def build() -> Callable[..., Path]:
    """Builds one target (``wheel``, ``sdist``) of a source tree, with the locked backend and not isolated."""

    def build(target: str, directory: Path, source: Path = ROOT) -> Path:
        checked(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", directory, cwd=source)
        (built,) = directory.glob("*.whl" if target == "wheel" else "*.tar.gz")
        return built

    return build


@pytest.fixture(scope="session")
def wheel(build: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(build: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, str], Run]:
    """Installs a built distribution and nothing of this checkout into a fresh environment, with what a lock names. Gives
    what runs a program of that environment, in a directory of its own that is its ``HOME``, too."""

    def install(distribution: Path, lock: str) -> Run:
        place = tmp_path_factory.mktemp("fresh")
        environment = place / "environment"
        venv.create(environment, symlinks=True)
        (libraries,) = environment.glob("lib/python*/site-packages")
        borrow(ROOT / "requirements" / lock, libraries)
        pip = (sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "--disable-pip-version-check")
        checked(*pip, "install", "--no-index", "--no-deps", "--no-build-isolation", distribution, cwd=place)
        checked(*pip, "check", cwd=place)
        home = place / "home"
        home.mkdir()

        def run(program: str, *arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
            return done(environment / "bin" / program, *arguments, cwd=home, HOME=str(home), **settings)

        return run

    return install


def borrow(lock: Path, libraries: Path) -> None:
    """Link what the lock names from where it is installed here, so that no index is needed. What the lock names for another
    system is not installed; what this one lacks is found out by ``pip check``."""
    for name in re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==", lock.read_text(), re.MULTILINE):
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            to = libraries / top
            if not to.exists():
                to.symlink_to(str(found.locate_file(top)))
