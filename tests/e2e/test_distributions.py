"""What is shipped: a wheel and an sdist that hold what they must, and work where there is nothing else."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
import tomllib
from collections.abc import Callable
from email import message_from_string
from pathlib import Path
from zipfile import ZipFile

import pytest

from netra_backend.distribution import NAME, install_hint

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("netra_backend", "netra_server", "test_framework")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
STEM = f"{NAME.replace('-', '_')}-{PROJECT['version']}"
Run = Callable[..., subprocess.CompletedProcess[str]]
Build = Callable[..., Path]


@pytest.fixture(scope="module")
def plain(install: Callable[[Path, str], Run], wheel: Path) -> Run:
    """Runs programs of an environment that has the wheel and what every installation has, and no extra."""
    return install(wheel, "runtime.lock")


def tracked(*places: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *places],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}


def test_the_wheel_holds_the_files_of_the_packages_and_the_licence_and_nothing_else(wheel: Path) -> None:
    assert wheel.name == f"{STEM}-py3-none-any.whl"
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    about = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}
    assert names == tracked(*PACKAGES) | {f"{STEM}.dist-info/{name}" for name in about}
    assert {name for name in names if name.endswith("py.typed")} == {f"{package}/py.typed" for package in PACKAGES}
    assert {"netra_backend/app/web/page/index.html", "netra_backend/app/adapters/migrations/0001.sqlite.sql"} < names


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        told = message_from_string(archive.read(f"{STEM}.dist-info/METADATA").decode())
        assert archive.read(f"{STEM}.dist-info/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert (told["Name"], told["Version"], told["License-Expression"]) == (NAME, PROJECT["version"], "Apache-2.0")
    assert told.get_all("Provides-Extra") == sorted(PROJECT["optional-dependencies"])
    assert "Typing :: Typed" in told.get_all("Classifier", [])
    assert told.get_all("Project-URL")
    assert told["Keywords"]


def test_the_sdist_makes_the_very_same_wheel(build: Build, wheel: Path, sdist: Path, tmp_path: Path) -> None:
    assert sdist.name == f"{STEM}.tar.gz"
    with tarfile.open(sdist) as archive:
        names = {member.name for member in archive.getmembers() if member.isfile()}
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # which 3.11.2 does not have
        archive.extractall(tmp_path)
    beside = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".gitignore", "PKG-INFO"}
    assert names == {f"{STEM}/{name}" for name in tracked(*PACKAGES) | beside}
    again = build("wheel", tmp_path, source=tmp_path / STEM)
    assert again.name == wheel.name
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(wheel.read_bytes()).digest()


def test_the_sdist_installs_where_there_is_no_index(install: Callable[[Path, str], Run], sdist: Path) -> None:
    told = install(sdist, "runtime.lock")("netra", "--version")
    assert (told.returncode, told.stdout) == (0, f"netra {PROJECT['version']}\n"), told.stderr


def test_the_packages_and_the_version_come_from_the_wheel(plain: Run) -> None:
    told = plain("netra", "--version")
    assert (told.returncode, told.stdout) == (0, f"netra {PROJECT['version']}\n"), told.stderr
    program = f"""
import importlib, sys
for name in {PACKAGES!r}:
    assert "/environment/lib/" in importlib.import_module(name).__file__, name
assert not [path for path in sys.path if path.startswith({str(ROOT / "netra")!r})], sys.path
assert {str(ROOT)!r} not in sys.path, sys.path
"""
    loaded = plain("python", "-c", program)
    assert loaded.returncode == 0, loaded.stderr


def test_an_embedded_servers_own_migration_needs_no_extra(plain: Run) -> None:
    for words, answer in ((["migrate"], "is now up to date"), (["migrate", "--check"], "is up to date")):
        done = plain("netra", *words, "--data-dir", "migrated")
        assert done.returncode == 0, done.stderr
        assert answer in done.stdout
    assert plain("python", "-c", "import sqlalchemy").returncode == 1, "the environment has an extra"


def test_what_an_extra_brings_is_asked_for_with_the_command_that_installs_it(plain: Run) -> None:
    settings = {"NETRA_DATABASE_URL": "postgresql://a@127.0.0.1:1/netra", "NETRA_MODEL": "openai:gpt-4o-mini"}
    for command in ("check", "serve"):
        refused = plain("netra", command, "--data-dir", "refused", COLUMNS="400", **settings)
        assert refused.returncode == 1
        said = refused.stdout + refused.stderr
        assert f"NETRA_DATABASE_URL needs asyncpg, which is not installed: {install_hint('scale')}" in said
        assert f"NETRA_MODEL needs pydantic_ai, which is not installed: {install_hint('models')}" in said


def test_the_demo_runs_from_the_wheel_alone(plain: Run) -> None:
    shown = plain("netra", "demo", "--once")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "GENERATED SAMPLE" in shown.stdout
    assert shown.stdout.count("agent_completed") == 1
    for agent in ("triage_agent", "cost_optimizer"):  # the supervisor asked both
        assert f"agent {agent}" in shown.stdout
