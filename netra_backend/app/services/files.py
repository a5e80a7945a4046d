"""Files that users attach to messages: received, looked at, claimed, given back to their owner."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from ..core import validation
from ..core.errors import DependencyUnavailable, FrameRefused, LimitRefused, NotFound
from ..core.files import HEAD_BYTES, KEPT_MS, MEDIA_TYPES, PART_BYTES, StoredFile, begins_as
from ..core.limits import Limits
from ..file_ports import FileStore, Scan
from ..ports import Clock


class Files:
    """The files of all users, each found by its owner alone."""

    def __init__(
        self, store: FileStore, limits: Limits, clock: Clock, mint: Callable[[str], str], scan: Scan | None = None
    ) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock
        self._mint = mint
        self._scan = scan

    async def receive(self, owner: str, media: str, size: int, parts: AsyncIterator[bytes]) -> StoredFile:
        """Store a file of this media type, whole or not at all; ``size`` is what it was announced to have, 0 where that was
        not said. No more of it than a part is in memory.

        Raises ``FrameRefused`` if it is too large, not of its type, of none that is taken, or refused by the operator's scan;
        ``LimitRefused`` if the owner has no room for it; what ``parts`` raises; and ``DependencyUnavailable``.
        """
        self._check_size(size)
        _check_type(media in MEDIA_TYPES, media)
        file = StoredFile(self._mint("file"), owner, media, "", 0, self._clock.now_ms())
        self._require_room(await self._store.begin(file, self._limits.files))
        try:
            digest, received = await self._store_parts(file, parts)
            if self._scan is not None:
                _check_scan(await self._scan(self._store.parts(owner, file.file_id)))
            most = self._limits.files_bytes
            self._require_room(await self._store.finish(owner, file.file_id, digest, received, most))
        except BaseException:
            with suppress(DependencyUnavailable):  # then it goes when it is as old as files get that nobody claims
                await self._store.remove(owner, file.file_id)
            raise
        return _required(await self._store.find(owner, file.file_id))

    async def _store_parts(self, file: StoredFile, parts: AsyncIterator[bytes]) -> tuple[str, int]:
        digest, size, is_begun = hashlib.sha256(), 0, False
        held = bytearray()

        async def store(part: bytes) -> None:
            nonlocal is_begun
            if not is_begun:
                _check_type(begins_as(file.media, part[:HEAD_BYTES]), file.media)
                is_begun = True
            digest.update(part)
            if not await self._store.add(file.owner, file.file_id, part):
                _absent()

        async for part in parts:
            size += len(part)
            self._check_size(size)
            held += part
            while len(held) >= PART_BYTES:
                await store(bytes(held[:PART_BYTES]))
                del held[:PART_BYTES]
        if held or not is_begun:
            await store(bytes(held))
        return digest.hexdigest(), size

    def _check_size(self, size: int) -> None:
        if size > self._limits.file_bytes:
            raise FrameRefused(
                f"The file is too large: the limit is {self._limits.file_bytes:,} bytes.",
                kind="payload_too_large",
                hint="Attach a smaller file, or import usage data as a dataset.",
                point=validation.FILE_SIZE,
            )

    def _require_room(self, has_room: bool) -> None:
        if not has_room:
            raise LimitRefused(
                f"You may keep {self._limits.files} files of {self._limits.files_bytes:,} bytes together.",
                kind="payload_too_large",
                hint="Delete files, or threads with files, first.",
                point=validation.FILE_ROOM,
            )

    async def claim(
        self, owner: str, file_ids: Sequence[str], thread_id: str, run_id: str, *, supersedes: bool = False
    ) -> list[StoredFile]:
        """Attach files to the message that begins this run, which is about to be appended to this thread of the owner's; called
        before that. The files are claimed by the commit of the run's first event: from then on they exist as long as the
        message does. If that event is never appended, or is rejected, ``release`` gives them back at once, and
        ``core.files.RESERVED_MS`` do otherwise. May be called again for the same run. A message that ``supersedes`` another may
        name files of earlier messages of its thread, too: these exist as long as the thread does, whatever becomes of it.

        Raises ``NotFound`` if the owner has not all of them, ``FrameRefused`` if another message has one of them."""
        wanted = file_ids
        if supersedes:
            named = [(file_id, await self._store.find(owner, file_id)) for file_id in file_ids]
            wanted = [file_id for file_id, file in named if file is None or file.thread_id != thread_id]
        outcome = await self._store.reserve(owner, wanted, thread_id, run_id)
        _check_unclaimed(outcome != "claimed")
        if outcome == "absent":
            _absent()
        return [_required(await self._store.find(owner, file_id)) for file_id in file_ids]

    async def release(self, owner: str, run_id: str) -> None:
        """The message that begins this run will not be stored: its files are free again. Does nothing if it was stored."""
        await self._store.release(owner, run_id)

    async def owned(self, owner: str, file_id: str) -> StoredFile:
        """The owner's file. Raises ``NotFound`` if the owner has no file of that id."""
        return _required(await self._store.find(owner, file_id))

    def content(self, file: StoredFile) -> AsyncIterator[bytes]:
        """Its bytes, in parts; they end early if it is deleted meanwhile."""
        return self._store.parts(file.owner, file.file_id)

    async def read(self, owner: str, file_id: str) -> bytes:
        """All its bytes, at most ``file_bytes``. Raises ``NotFound`` as ``owned`` does, also if it is deleted meanwhile."""
        file = await self.owned(owner, file_id)
        content = b"".join([part async for part in self.content(file)])
        return content if len(content) == file.size else _absent()

    async def page(self, owner: str, after: str = "") -> list[StoredFile]:
        """The owner's files with greater ids, in order; at most 100."""
        return await self._store.page(owner, after)

    async def delete(self, owner: str, file_id: str) -> None:
        """Delete a file. Raises ``NotFound`` if the owner has no file of that id, ``FrameRefused`` if a message has it."""
        outcome = await self._store.remove(owner, file_id)
        _check_unclaimed(outcome != "claimed")
        if outcome == "absent":
            _absent()

    async def expire(self, margin_ms: int) -> int:
        """Delete what no message has claimed within ``core.files.KEPT_MS`` less the margin; how many."""
        count, before_ms = 0, self._clock.now_ms() - KEPT_MS + margin_ms
        while gone := await self._store.expire(before_ms):
            count += gone
        return count


def _absent() -> NoReturn:
    raise NotFound("There is no such file.", field="file_id", point=validation.FILE_OWNED)


def _required(file: StoredFile | None) -> StoredFile:
    if file is None:
        _absent()
    return file


def _check_type(fits: bool, media: str) -> None:
    if not fits:
        raise FrameRefused(
            f"This is not a file of a type that can be attached: {media[:64] or 'none was given'}.",
            field="Content-Type",
            hint=f"Send one of these, with its own Content-Type: {', '.join(sorted(MEDIA_TYPES))}.",
            point=validation.FILE_TYPE,
        )


def _check_scan(is_clean: bool) -> None:
    if not is_clean:
        raise FrameRefused(
            "The operator's scan refuses this file.",
            hint="Attach another file, or ask the operator.",
            point=validation.FILE_SCAN,
        )


def _check_unclaimed(is_free: bool) -> None:
    if not is_free:
        raise FrameRefused(
            "A message has this file.",
            kind="conflict",
            field="file_id",
            hint="Upload it again to attach it to another message. It is deleted with its thread.",
            point=validation.FILE_CLAIMED,
        )
