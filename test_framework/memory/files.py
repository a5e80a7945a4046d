"""Files of users in a memory store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from heapq import nsmallest
from typing import Final

from netra_backend.app.core.files import RESERVED_MS, StoredFile
from netra_backend.app.file_ports import Removal, Reservation
from netra_backend.app.ports import Clock

from .store import KeptFile, MemoryStore

_PAGE: Final = 100


class MemoryFiles:
    """``file_ports.FileStore`` over a ``MemoryStore``; ``wait`` is awaited ahead of each look and change, as for a database."""

    def __init__(self, store: MemoryStore, clock: Clock, wait: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._clock = clock
        self._wait = wait

    def _of(self, owner: str, file_id: str) -> KeptFile | None:
        file = self._store.files.get(file_id)
        return file if file is not None and file.stored.owner == owner else None

    def _is_claimed(self, file: KeptFile) -> bool:
        return file.run_id in self._store.runs

    def _is_free(self, file: KeptFile, run_id: str = "") -> bool:
        is_stale = file.reserved_ms < self._clock.now_ms() - RESERVED_MS and not self._is_claimed(file)
        return file.run_id in ("", run_id) or is_stale

    def _shown(self, file: KeptFile) -> StoredFile:
        return file.stored if self._is_claimed(file) else replace(file.stored, thread_id="")

    async def begin(self, file: StoredFile, most: int) -> bool:
        await self._wait()
        if sum(each.stored.owner == file.owner for each in self._store.files.values()) >= most:
            return False
        self._store.files[file.file_id] = KeptFile(file)
        return True

    async def add(self, owner: str, file_id: str, part: bytes) -> bool:
        await self._wait()
        file = self._of(owner, file_id)
        if file is None or file.finished:
            return False
        file.parts.append(part)
        return True

    async def finish(self, owner: str, file_id: str, sha256: str, size: int, most_bytes: int) -> bool:
        await self._wait()
        file = self._of(owner, file_id)
        held = sum(
            each.stored.size for each in self._store.files.values() if each.stored.owner == owner and each.finished
        )
        if file is None or file.finished or held + size > most_bytes:
            return False
        file.stored = replace(file.stored, sha256=sha256, size=size)
        file.finished = True
        return True

    async def find(self, owner: str, file_id: str) -> StoredFile | None:
        await self._wait()
        file = self._of(owner, file_id)
        return self._shown(file) if file is not None and file.finished else None

    async def page(self, owner: str, after: str = "") -> list[StoredFile]:
        await self._wait()
        mine = (
            file_id
            for file_id, file in self._store.files.items()
            if file.stored.owner == owner and file.finished and file_id > after
        )
        return [self._shown(self._store.files[file_id]) for file_id in nsmallest(_PAGE, mine)]

    async def parts(self, owner: str, file_id: str) -> AsyncIterator[bytes]:
        n = 0
        while True:
            await self._wait()
            file = self._of(owner, file_id)
            if file is None or n >= len(file.parts):
                return
            yield file.parts[n]
            n += 1

    async def reserve(self, owner: str, file_ids: Sequence[str], thread_id: str, run_id: str) -> Reservation:
        await self._wait()
        found = [self._of(owner, file_id) for file_id in file_ids]
        files = [file for file in found if file is not None and file.finished]
        if len(files) < len(found):
            return "absent"
        if not all(self._is_free(file, run_id) for file in files):
            return "claimed"
        for file in files:
            file.stored = replace(file.stored, thread_id=thread_id)
            file.run_id, file.reserved_ms = run_id, self._clock.now_ms()
        return "reserved"

    async def release(self, owner: str, run_id: str) -> None:
        await self._wait()
        for file in self._store.files.values():
            if file.stored.owner == owner and file.run_id == run_id and not self._is_claimed(file):
                file.stored, file.run_id = replace(file.stored, thread_id=""), ""

    async def remove(self, owner: str, file_id: str) -> Removal:
        await self._wait()
        file = self._of(owner, file_id)
        if file is None:
            return "absent"
        if not self._is_free(file):
            return "claimed"
        del self._store.files[file_id]
        return "removed"

    async def expire(self, before_ms: int) -> int:
        await self._wait()
        old = [
            file_id
            for file_id, file in self._store.files.items()
            if max(file.stored.created_ms, file.reserved_ms) < before_ms and not self._is_claimed(file)
        ][:_PAGE]
        for file_id in old:
            del self._store.files[file_id]
        return len(old)
