"""Local copies of datasets that lie elsewhere: in a private directory of this process, bounded, gone with the process.

A copy is never proof that a dataset exists: who wants to read one asks the catalogue first. What is deleted there is removed
here as soon as this process learns of it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...core.errors import DependencyUnavailable, ToolError
from ...core.limits import USUAL, Limits
from ...ports import Clock
from ..process.data_directory import make_private
from .held_directory import hold, remove_unless_held
from .port import ROWS_FILE

_STAGED: Final = "staged-"
_LOCK: Final = ".lock"

Copy = tuple[str, str]
"""Folder of the owner and id of the dataset."""


@dataclass(slots=True)
class _Kept:
    size: int
    used_at: float


class DatasetCache:
    """Copies below ``root``, of ``copies_bytes`` in all, which leave ``reserved_disk_bytes`` of the disk free. Methods may be
    called from any thread."""

    def __init__(self, root: Path, token: str, clock: Clock, limits: Limits = USUAL) -> None:
        self._root = root
        self._clock = clock
        self.directory = root / token
        self._most = limits.copies_bytes
        self._reserved = limits.reserved_disk_bytes
        self._idle_s = limits.copies_idle_s
        self._copies: OrderedDict[Copy, _Kept] = OrderedDict()
        """What was used last is last."""
        self._pinned: Counter[Copy] = Counter()
        self._lock = threading.Lock()
        self._descriptor = -1

    def open(self) -> None:
        """Make the directory, and remove those of processes that are no more."""
        make_private(self._root)
        guard = os.open(self._root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(guard, fcntl.LOCK_EX)  # nobody is between making a directory and holding it
            for other in self._root.iterdir():
                if other.is_dir():
                    remove_unless_held(other)
            self.directory.mkdir(mode=0o700)
            self._descriptor = hold(self.directory)
        finally:
            os.close(guard)

    def close(self) -> None:
        """Remove everything."""
        if self._descriptor >= 0:
            shutil.rmtree(self.directory, ignore_errors=True)
            os.close(self._descriptor)
            self._descriptor = -1

    def stage(self, dataset_id: str) -> Path:
        """A new directory in which a dataset is made or a copy received; the caller removes it."""
        staged = self.directory / f"{_STAGED}{dataset_id}"
        staged.mkdir(mode=0o700)
        return staged

    def find(self, copy: Copy) -> Path | None:
        """Where a copy lies, if there is one."""
        with self._lock:
            if copy not in self._copies:
                return None
            self._copies[copy].used_at = self._clock.monotonic()
            self._copies.move_to_end(copy)
            return self._path(copy)

    def make_room(self, size: int) -> None:
        """Remove the copies that were used the longest ago, until so many bytes fit. Raises ``DependencyUnavailable`` where
        others are in use, or the disk is full."""
        with self._lock:
            removable = [copy for copy in self._copies if not self._pinned[copy]]
            for copy in removable:
                if self._has_room_for(size):
                    return
                self._remove(copy)
            if not self._has_room_for(size):
                raise DependencyUnavailable(
                    "The server has no room for more usage data at the moment.", retry_after_ms=10_000
                )

    def check_fits(self, size: int) -> None:
        """Raises ``ToolError`` where so many bytes of one owner can never lie here at once."""
        if size > self._most:
            raise ToolError(
                "RESULT_TOO_LARGE",
                f"Your datasets take {size >> 20:,} MiB, but the server reads at most {self._most >> 20:,} "
                "MiB at once.",
                hint="Delete datasets that you no longer need.",
            )

    def place(self, copy: Copy, file: Path) -> Path:
        """Take a whole file in as a copy."""
        size = file.stat().st_size
        with self._lock:
            path = self._path(copy)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            file.replace(path)
            self._copies[copy] = _Kept(size, self._clock.monotonic())
            self._copies.move_to_end(copy)
        return path

    def drop_idle(self) -> None:
        """Remove the copies that nobody has used for ``copies_idle_s``: each owner who has one costs a look at a catalogue now
        and then."""
        oldest = self._clock.monotonic() - self._idle_s
        with self._lock:
            idle = [copy for copy, kept in self._copies.items() if kept.used_at < oldest and not self._pinned[copy]]
            for copy in idle:
                self._remove(copy)

    def keep_only(self, folder: str, dataset_ids: Collection[str]) -> None:
        """Remove the copies of a folder that are none of these, whether they are in use or not."""
        with self._lock:
            for copy in [copy for copy in self._copies if copy[0] == folder and copy[1] not in dataset_ids]:
                self._remove(copy)

    def folders(self) -> list[str]:
        """The folders that there are copies of."""
        with self._lock:
            return sorted({folder for folder, _ in self._copies})

    @contextmanager
    def pinned(self, copies: Sequence[Copy]) -> Iterator[None]:
        """Let these copies stay, where they are and those that come."""
        with self._lock:
            self._pinned.update(copies)
        try:
            yield
        finally:
            with self._lock:
                self._pinned.subtract(copies)
                self._pinned = +self._pinned

    def _path(self, copy: Copy) -> Path:
        folder, dataset_id = copy
        return self.directory / folder / f"{dataset_id}-{ROWS_FILE}"

    def _remove(self, copy: Copy) -> None:
        self._copies.pop(copy)
        self._path(copy).unlink(missing_ok=True)

    def _has_room_for(self, size: int) -> bool:
        if sum(kept.size for kept in self._copies.values()) + size > self._most:
            return False
        return shutil.disk_usage(self.directory).free >= size + self._reserved
