"""The moment at which a server ends itself, by SIGKILL: when so many events were committed. It is in a file that the test and the
server share, so a server that is running can be told.

There are two for each event. ``COMMITTED``: its commit has happened, and nobody in the process knows. ``ACKNOWLEDGED``:
everything that waited for the commit has been done, and the next event is about to be committed.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
from pathlib import Path
from typing import Any, Final

from netra_backend.app.adapters.sqlite.writer import SqliteWriter, Work

NEVER: Final = 0
COMMITTED: Final = 1
ACKNOWLEDGED: Final = 2
_FIELDS: Final = struct.Struct("<qqq")  # when, after how many events, how many there were so far


class Moment:
    """The shared file. ``count`` is how many events were committed since ``arm``."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_FIELDS.size))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _FIELDS.size)

    def arm(self, when: int, events: int) -> None:
        """From now on count, and end the server at this moment."""
        self._write(NEVER, 0, 0)
        self._write(when, events, 0)

    def disarm(self) -> None:
        """Let it live."""
        self._write(NEVER, 0, self.count)

    @property
    def when(self) -> int:
        return self._read()[0]

    @property
    def count(self) -> int:
        return self._read()[2]

    def close(self) -> None:
        """Share it no more."""
        self._shared.close()

    def pass_by(self, work: list[Work]) -> tuple[list[Work], bool]:
        """What of this work is to be committed, and whether the process ends afterwards, without telling anybody."""
        when, most, before = self._read()
        here = sum(len(chunk.frames) for item in work if isinstance(item, list) for chunk in item)
        count = before + here
        if when == NEVER or not here or (count < most if when == COMMITTED else count <= most):
            self._write(when, most, count)
            return work, False
        self._write(NEVER, most, most)
        return _first(work, most - before), True

    def _read(self) -> tuple[int, int, int]:
        when, most, count = _FIELDS.unpack_from(self._shared)
        return when, most, count

    def _write(self, when: int, most: int, count: int) -> None:
        _FIELDS.pack_into(self._shared, 0, when, most, count)


def _first(work: list[Work], events: int) -> list[Work]:
    """The work up to and with so many of its events. What is cut is of a process that ends."""
    kept: list[Work] = []
    for item in work:
        if not events:
            break
        if not isinstance(item, list):
            kept.append(item)
            continue
        for chunk in item:
            if events and len(chunk.frames) > events:
                del chunk.frames[events:]
                chunk.ends = False
                chunk.writes = [write for write in chunk.writes or () if write.place < events] or None
            if events:
                kept.append([chunk])
                events -= len(chunk.frames)
    return kept


def install(moment: Moment) -> None:
    """Have this process's embedded event log end the process at the moment."""
    commit = SqliteWriter._commit

    def commit_until(self: Any, work: list[Work]) -> None:
        wanted, ends = moment.pass_by(work)
        if ends:
            self._committed = lambda *_: None
            if wanted:
                commit(self, wanted)
            os.kill(os.getpid(), signal.SIGKILL)
        commit(self, wanted)

    SqliteWriter._commit = commit_until  # type: ignore[method-assign]
