"""The clock and the entropy of the machine."""

from __future__ import annotations

import os
import time
import weakref
from typing import Final

_CHUNKS: Final = 128
_LARGEST_KEPT: Final = 64


class SystemClock:
    """The time of this machine (``ports.Clock``)."""

    __slots__ = ()

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    monotonic = staticmethod(time.monotonic)


class SystemEntropy:
    """The operating system's cryptographic source (``ports.Entropy``), asked for many chunks at once.

    No bytes are given twice: a chunk leaves its list by ``pop``, which is atomic among threads, and a forked child
    starts with empty lists.
    """

    __slots__ = ("__weakref__", "_chunks")

    def __init__(self) -> None:
        self._chunks: dict[int, list[bytes]] = {}
        _ALIVE.add(self)

    def take(self, count: int) -> bytes:
        if not 0 < count <= _LARGEST_KEPT:
            return os.urandom(count)
        chunks = self._chunks.get(count)
        if chunks is None:
            chunks = self._chunks.setdefault(count, [])
        try:
            return chunks.pop()
        except IndexError:
            fresh = os.urandom(count * _CHUNKS)
            chunks.extend(fresh[at : at + count] for at in range(count, len(fresh), count))
            return fresh[:count]

    def _forget(self) -> None:
        self._chunks = {}


_ALIVE: weakref.WeakSet[SystemEntropy] = weakref.WeakSet()


def _forget_in_child() -> None:
    for entropy in _ALIVE:
        entropy._forget()


os.register_at_fork(after_in_child=_forget_in_child)
