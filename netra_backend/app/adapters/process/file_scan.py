"""The operator's command that looks at files: it gets one on standard input, and exits with 0 if the file may be kept."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Final

from ...core.errors import DependencyUnavailable
from ...services.child_environment import child_environment

WITHIN_S: Final = 60.0
"""How long a scan may take."""


class CommandScan:
    """``file_ports.Scan`` by a command, which is run without a shell and without this process's environment."""

    def __init__(self, command: Sequence[str], *, within_s: float = WITHIN_S) -> None:
        self._command = tuple(command)
        self._within_s = within_s

    async def __call__(self, parts: AsyncIterator[bytes]) -> bool:
        nothing = asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=nothing,
                stderr=nothing,
                env=child_environment(),
                start_new_session=True,  # so that what it starts ends with it
            )
        except OSError as fault:
            raise _unavailable("cannot be run") from fault
        stdin = process.stdin
        assert stdin is not None
        stdin.transport.set_write_buffer_limits(0)  # so that nothing is left to be written once it is closed
        try:
            async with asyncio.timeout(self._within_s):
                await _feed(stdin, parts)
                return await process.wait() == 0
        except TimeoutError:
            raise _unavailable(f"did not end within {self._within_s:g} seconds") from None
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            if not stdin.transport.is_closing():
                stdin.transport.abort()  # else it would be waited for as long as anything holds the other end
            await process.wait()


def scan_by(command: Sequence[str] | None) -> CommandScan | None:
    """The scan by this command, if there is one."""
    return None if command is None else CommandScan(command)


async def _feed(stdin: asyncio.StreamWriter, parts: AsyncIterator[bytes]) -> None:
    try:
        async for part in parts:
            stdin.write(part)
            await stdin.drain()
        stdin.close()
        await stdin.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it has seen enough: its exit status says what it thinks


def _unavailable(why: str) -> DependencyUnavailable:
    return DependencyUnavailable(f"The scan of files {why}.", hint="Try again later, and tell the operator.")
