"""A child process of ours, seen from inside: its pipe to the parent, its end with the parent, its bounds."""

from __future__ import annotations

import mmap
import os
import resource
import select
import sys
import threading
from pathlib import Path
from typing import Any, Final

import msgspec

MAX_MESSAGE: Final = 8 << 20
"""Bytes of one message; the child refuses to send, and the parent to take, more."""

_STATM: Final = Path("/proc/self/statm")


class Pipe:
    """The messages between this process and its parent. Standard input and output are taken away from everything else."""

    def __init__(self) -> None:
        self._incoming = os.dup(0)
        self._outgoing = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        os.close(nothing)

    def end_with_parent(self) -> None:
        """From now on this process ends at once when the parent's end of the pipe closes, in whatever it is doing."""
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        poll = select.poll()
        poll.register(self._incoming, 0)
        poll.poll()
        os._exit(0)

    def waiting(self) -> bool:
        """Whether a message, or the end of them, has come already."""
        return bool(select.select([self._incoming], [], [], 0)[0])

    def receive(self) -> dict[str, Any] | None:
        """The next message; ``None`` when there will be no more."""
        size = self._exactly(4)
        message = self._exactly(int.from_bytes(size, "big")) if size is not None else None
        return None if message is None else msgspec.json.decode(message, type=dict[str, Any])

    def send(self, encoded: bytes) -> None:
        """Send one encoded message."""
        if len(encoded) > MAX_MESSAGE:
            raise ValueError(f"a message of {len(encoded)} bytes")
        left = memoryview(len(encoded).to_bytes(4, "big") + encoded)
        while left:
            left = left[os.write(self._outgoing, left) :]

    def _exactly(self, count: int) -> bytes | None:
        parts: list[bytes] = []
        while count:
            part = os.read(self._incoming, min(count, 1 << 16))
            if not part:
                return None
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def bound_memory(more: int) -> bool:
    """Let this process map ``more`` bytes beyond what it has mapped now; whether the system really holds it to that."""
    if sys.platform != "linux":
        return False
    mapped = int(_STATM.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + more, mapped + more))
    try:
        mmap.mmap(-1, more + (64 << 20)).close()
    except (OSError, MemoryError):
        return True
    return False


def bound_lifetime(seconds: int) -> None:
    """Let this process compute for ``seconds`` more in all; beyond them it is killed, whatever it does about it."""
    most = _computed() + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (most, most + 1))


def bound_cpu(seconds: int) -> bool:
    """Let this process compute for ``seconds`` more, but not beyond its lifetime; beyond them it gets ``SIGXCPU``, which ends it.
    Whether its lifetime has room for as long once more."""
    soft = _computed() + 1 + seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    bounded = hard != resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_CPU, (min(soft, hard) if bounded else soft, hard))
    return not bounded or soft + 1 + seconds <= hard


def _computed() -> int:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return int(used.ru_utime + used.ru_stime)
