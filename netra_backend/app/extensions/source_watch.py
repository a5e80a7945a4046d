"""Notices that the Python files of an application in development have changed."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Final

from ..core.errors import ExtensionError
from .named_objects import parse, reach_current_directory

MOST_FILES: Final = 2_000
MOST_ENTRIES: Final = 50_000
"""So many files are watched, and so many entries of directories looked at; what lies beyond is not."""

_LEFT_OUT: Final = frozenset({"__pycache__", "node_modules", "site-packages"})


def directory_of(app: str) -> Path:
    """Where the files of ``MODULE[:NAME]`` lie: its package's directory, or the one that its file is in. Nothing is imported.

    Raises ``ExtensionError``.
    """
    top = parse(app)[0].partition(".")[0]
    reach_current_directory()
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # a module that is loaded and came from nowhere, such as __main__
        spec = None
    if spec is None:
        raise ExtensionError([f"There is no module {top!r}: it is neither in {Path.cwd()} nor installed."])
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    if spec.origin is None or not Path(spec.origin).is_file():
        raise ExtensionError([f"{top} is part of Python itself: there are no files to watch."])
    return Path(spec.origin).parent


class SourceWatch:
    """Looks at the ``.py`` files below a directory; hidden directories and virtual environments are left out."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen = self._look()

    def changed(self) -> str | None:
        """The first file that is new, gone or different since the last look, or ``None``."""
        before, self._seen = self._seen, self._look()
        different = before.items() ^ self._seen.items()
        return min((name for name, _ in different), default=None)

    def _look(self) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        entries = 0
        for directory, folders, files in os.walk(self._root):
            folders[:] = sorted(each for each in folders if not _is_left_out(directory, each))
            entries += len(folders) + len(files)
            for name in sorted(files):
                if name.endswith(".py") and len(found) < MOST_FILES:
                    path = os.path.join(directory, name)
                    try:
                        stat = os.stat(path)
                    except OSError:  # it went between the two looks
                        continue
                    found[os.path.relpath(path, self._root)] = stat.st_mtime_ns, stat.st_size
            if entries > MOST_ENTRIES or len(found) >= MOST_FILES:
                break
        return found


def _is_left_out(directory: str, name: str) -> bool:
    return name in _LEFT_OUT or name.startswith(".") or os.path.exists(os.path.join(directory, name, "pyvenv.cfg"))
