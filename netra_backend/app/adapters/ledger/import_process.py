"""One import's child process, seen from the parent, which keeps the bounds that no system call keeps: how long it lives, how
often it speaks, how many files it makes, how large they are together, and what they leave of the disk."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from ...core.errors import ToolError
from ...core.limits import Limits
from ..process.child import ChildDied, ChildProcess
from .replies import death_error, out_of_time, too_much

MODULE: Final = "netra_backend.app.adapters.ledger.import_worker"
LOOK_S: Final = 0.05
"""How often it is looked how much there is of an import: no disk takes what must stay free of it in that time."""
_PROGRESSES: Final = 1_000  # an honest child tells two hundred


async def perform(
    job: Mapping[str, Any], staged: Path, limits: Limits, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """The last message of the child that performs ``job`` in the directory ``staged``.

    ``progress`` hears (done, total). Raises ``ToolError`` if the child passes one of the limits; it has ended in any case.
    """
    child = await ChildProcess.start(MODULE)
    room = _Room(staged, limits, child)
    watch = asyncio.create_task(room.watch())
    try:
        async with asyncio.timeout(limits.import_s):
            await child.send(job)
            reply = await _last_message(child, limits.import_silence_s, progress)
        await room.look()  # what it wrote since the last look is kept otherwise
    except TimeoutError:
        raise out_of_time() from None
    except ChildDied as death:
        raise room.fault or death_error(death) from None
    finally:
        watch.cancel()
        child.kill()
        await asyncio.shield(child.ended())
    if room.fault is not None:
        raise room.fault
    return reply


async def _last_message(child: ChildProcess, silence_s: float, progress: Callable[[int, int], None]) -> dict[str, Any]:
    for _ in range(_PROGRESSES):
        async with asyncio.timeout(silence_s):
            reply = await child.receive()
        if "progress" not in reply:
            return reply
        try:
            done, total = msgspec.convert(reply["progress"], tuple[int, int])
        except msgspec.ValidationError:
            break
        progress(done, total)
    child.kill()
    raise ChildDied(await child.ended())


class _Room:
    """What there is of an import in its directory; ``fault`` is set, and the child is ended, as soon as that is too much."""

    def __init__(self, staged: Path, limits: Limits, child: ChildProcess) -> None:
        self.fault: ToolError | None = None
        self._staged = staged
        self._limits = limits
        self._child = child

    async def watch(self) -> None:
        while self.fault is None:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        if await asyncio.to_thread(self._is_too_much):
            self.fault = too_much()
            self._child.kill()

    def _is_too_much(self) -> bool:
        disk = os.statvfs(self._staged)
        if disk.f_bavail * disk.f_frsize < self._limits.reserved_disk_bytes:
            return True  # files without a name are seen by nothing else
        count = size = 0
        with os.scandir(self._staged) as entries:
            for entry in entries:
                count += 1
                with contextlib.suppress(FileNotFoundError):
                    # Blocks, so that a file with holes counts as what it takes.
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                if count > self._limits.import_files or size > self._limits.import_file_bytes:
                    return True
        return False
