"""Modules and installed packages of a test's own, in its current directory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Write = Callable[..., None]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current directory; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def write(here: Path) -> Write:
    """``write(my_agents="…")`` writes modules."""

    def write(**modules: str) -> None:
        for name, source in modules.items():
            (here / f"{name}.py").write_text(source)

    return write


@pytest.fixture
def install(here: Path) -> Callable[[str, str], None]:
    """``install("acme-agents", "[netra.agents]…")``: a distribution with these entry points."""

    def install(name: str, entry_points: str) -> None:
        place = here / f"{name.replace('-', '_')}-1.0.dist-info"
        place.mkdir()
        (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (place / "entry_points.txt").write_text(entry_points)
        if str(here) not in sys.path:
            sys.path.insert(0, str(here))

    return install
