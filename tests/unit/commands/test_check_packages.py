"""Whether another distribution brings a package or the command of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from netra_backend.app.commands.check_packages import packages_look
from netra_backend.app.core import validation
from netra_backend.app.core.errors import ConfigurationError
from netra_backend.distribution import COMMAND, NAME, PACKAGES


def install(place: Path, name: str, *files: str, scripts: str = "") -> None:
    """What an installer would leave of a distribution: its metadata, and the list of its files."""
    about = place / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "RECORD").write_text("".join(f"{each},,\n" for each in files))
    if scripts:
        (about / "entry_points.txt").write_text(f"[console_scripts]\n{scripts}\n")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_what_is_installed_alone_is_told_with_its_version(place: Path) -> None:
    install(place, "another", "another/__init__.py", scripts="another = another:main")
    assert packages_look().startswith(f"{NAME} ")


@pytest.mark.validation_point("packages.owned")
@pytest.mark.parametrize("package", [*PACKAGES, COMMAND])
def test_another_distribution_with_a_package_of_ours_is_refused_and_named(place: Path, package: str) -> None:
    install(place, "another-one", f"{package}/__init__.py", f"{package}/app.py")
    with pytest.raises(ConfigurationError) as refused:
        packages_look()
    assert refused.value.point is validation.PACKAGES_OWNED
    (fault,) = refused.value.faults
    assert f"another-one brings the package {package}, too" in fault
    assert "pip uninstall another-one" in fault
    assert NAME in fault


@pytest.mark.validation_point("packages.owned")
def test_another_distribution_with_the_command_is_refused(place: Path) -> None:
    install(place, "another-one", "elsewhere/__init__.py", scripts=f"{COMMAND} = elsewhere:main")
    with pytest.raises(ConfigurationError) as refused:
        packages_look()
    assert f"brings the command {COMMAND}, too" in refused.value.faults[0]


@pytest.mark.validation_point("packages.owned")
def test_each_of_several_distributions_is_told_once_with_all_it_brings(place: Path) -> None:
    install(place, "first", *(f"{package}/__init__.py" for package in PACKAGES), scripts=f"{COMMAND} = x:main")
    install(place, "second", f"{COMMAND}/__init__.py")
    with pytest.raises(ConfigurationError) as refused:
        packages_look()
    first, second = refused.value.faults
    assert [name in first for name in PACKAGES] == [True] * len(PACKAGES)
    assert "uninstall first" in first
    assert "uninstall second" in second


def test_our_own_name_counts_in_every_spelling(place: Path) -> None:
    install(place, NAME.replace("-", "_").upper(), *(f"{package}/__init__.py" for package in PACKAGES))
    assert packages_look()
