"""Children that are started before this process has loaded its own parts, so that both load at the same time.

A child belongs to the process that started it and to nobody's data yet; it ends with that process, taken or not.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ...services.child_environment import child_command, child_environment
from .child import ChildProcess

_begun: Final[dict[tuple[int, str], subprocess.Popen[bytes]]] = {}
"""By the process that started it and its module: a fork of that process must not speak through the same pipes."""


def begin(module: str, message: Mapping[str, Any]) -> None:
    """Start ``python -m module`` now, with a first message; the next ``take`` of this process gives it."""
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        child_command(module),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
        bufsize=0,
    )
    encoded = msgspec.json.encode(message)
    assert child.stdin is not None  # asked for above
    child.stdin.write(len(encoded).to_bytes(4, "big") + encoded)
    _begun[os.getpid(), module] = child


async def take(module: str) -> ChildProcess | None:
    """The child of this module that this process began, once; ``None`` where there is none, or it has ended."""
    child = _begun.pop((os.getpid(), module), None)
    if child is None:
        return None
    if child.poll() is not None:
        _close(child)
        return None
    return ChildProcess(await _Adopted.of(child))


def _close(child: subprocess.Popen[bytes]) -> None:
    for pipe in filter(None, (child.stdin, child.stdout)):
        pipe.close()


class _Adopted:
    """A ``subprocess.Popen`` with the ways of an ``asyncio.subprocess.Process``."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        stdin: asyncio.StreamWriter,
        stdout: asyncio.StreamReader,
        output: asyncio.ReadTransport,
    ) -> None:
        self.pid = child.pid
        self.stdin = stdin
        self.stdout = stdout
        self._child = child
        self._output = output

    @classmethod
    async def of(cls, child: subprocess.Popen[bytes]) -> _Adopted:
        """Read and write its pipes on this loop."""
        loop = asyncio.get_running_loop()
        stdout = asyncio.StreamReader()
        output, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdout), child.stdout)
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), child.stdin
        )
        return cls(child, asyncio.StreamWriter(transport, protocol, None, loop), stdout, output)

    @property
    def returncode(self) -> int | None:
        return self._child.poll()

    def kill(self) -> None:
        self._child.kill()

    async def wait(self) -> int:
        status = await asyncio.to_thread(self._child.wait)
        self.stdin.close()
        self._output.close()
        return status
