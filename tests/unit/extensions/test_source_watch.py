"""Files of an application in development: which are watched, and what counts as a change."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.core.errors import ExtensionError
from netra_backend.app.extensions import source_watch
from netra_backend.app.extensions.source_watch import SourceWatch, directory_of


@pytest.fixture
def tree(here: Path) -> Path:
    for name in ("my_agents.py", "lib/notes.py", "notes.txt", ".venv/lib.py", "env/lib.py", "node_modules/x.py"):
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_text("1")
    (here / "env/pyvenv.cfg").write_text("")
    return here


def touch(path: Path) -> None:
    """A later time, whatever the clock's steps are."""
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))


def test_nothing_has_changed_until_something_has(tree: Path) -> None:
    watch = SourceWatch(tree)
    assert watch.changed() is None
    touch(tree / "my_agents.py")
    assert watch.changed() == "my_agents.py"
    assert watch.changed() is None


@pytest.mark.parametrize("change", ["edited", "grown", "new", "gone"])
def test_each_kind_of_change_is_noticed_below_too(tree: Path, change: str) -> None:
    watch = SourceWatch(tree)
    path = tree / "lib/notes.py"
    if change == "edited":
        touch(path)
    elif change == "grown":
        before = path.stat()
        path.write_text("22")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif change == "new":
        path = tree / "lib/more.py"
        path.write_text("")
    else:
        path.unlink()
    assert watch.changed() == os.path.join("lib", path.name)


@pytest.mark.parametrize("name", ["notes.txt", ".venv/lib.py", "env/lib.py", "node_modules/x.py"])
def test_what_is_no_code_of_the_application_is_left_out(tree: Path, name: str) -> None:
    watch = SourceWatch(tree)
    touch(tree / name)
    assert watch.changed() is None


@pytest.mark.parametrize(("bound", "value"), [("MOST_FILES", 3), ("MOST_ENTRIES", 3)])
def test_it_looks_at_a_bounded_number(here: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: int) -> None:
    monkeypatch.setattr(source_watch, bound, value)
    for folder in "abcdef":
        (here / folder).mkdir()
        (here / folder / "x.py").write_text("1")
        (here / folder / "y.txt").write_text("1")
    watch = SourceWatch(here)
    touch(here / "f/x.py")
    assert watch.changed() is None
    touch(here / "a/x.py")
    seen = watch.changed()
    assert seen == os.path.join("a", "x.py") if bound == "MOST_FILES" else seen is None


def test_the_directory_is_that_of_the_file_or_the_package_and_nothing_is_imported(here: Path, write: Any) -> None:
    write(my_agents="raise AssertionError")
    (here / "my_package").mkdir()
    (here / "my_package/__init__.py").write_text("raise AssertionError")
    assert directory_of("my_agents") == here
    assert directory_of("my_package.agents:AGENTS") == here / "my_package"
    assert {"my_agents", "my_package"} & set(sys.modules) == set()


@pytest.mark.parametrize(
    ("app", "fault"),
    [
        ("nowhere.agents", "There is no module 'nowhere'"),
        ("__main__x", "There is no module '__main__x'"),
        ("sys", "sys is part of Python itself"),
        ("a b", "is not MODULE"),
    ],
)
def test_what_has_no_files_cannot_be_watched(here: Path, app: str, fault: str) -> None:
    with pytest.raises(ExtensionError, match=fault):
        directory_of(app)


def test_a_module_that_came_from_nowhere_cannot_be_watched(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("made_by_hand")
    module.__spec__ = None
    monkeypatch.setitem(sys.modules, "made_by_hand", module)
    with pytest.raises(ExtensionError, match="There is no module 'made_by_hand'"):
        directory_of("made_by_hand")
