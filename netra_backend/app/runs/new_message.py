"""The message that a request brings into a thread: in words and parts, and what it supersedes there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from ..core.errors import DependencyUnavailable
from ..core.files import StoredFile
from ..core.frames import ExecuteAgent
from ..core.message_parts import file_ids_of, recorded_parts, text_of
from ..services.conversations import Conversations
from ..services.files import Files


class NewMessage(msgspec.Struct, frozen=True):
    """``thread_id`` is the thread that it is for, ``None`` for a new one. ``since`` is where what it supersedes begins, 0 if it
    supersedes nothing."""

    frame: ExecuteAgent
    text: str
    file_ids: Sequence[str]
    thread_id: str | None
    since: int = 0

    def supersedes(self, seq: int) -> bool:
        """Whether the run that begins at this position of the thread counts no more."""
        return 0 < self.since <= seq

    def recorded(self, files: Sequence[StoredFile]) -> list[dict[str, Any]]:
        """Its parts as they are recorded; ``files`` are those that it names."""
        return recorded_parts(self.frame.message, self.frame.parts, files)


async def message_of(owner: str, frame: ExecuteAgent, conversations: Conversations) -> NewMessage:
    """What this request says. Raises ``NotFound`` if what it supersedes is no run of the owner's, or of another thread."""
    if not frame.parts and frame.supersedes is None:
        return NewMessage(frame, frame.message, (), frame.thread_id)
    text, file_ids = text_of(frame.message, frame.parts), file_ids_of(frame.parts)
    if frame.supersedes is None:
        return NewMessage(frame, text, file_ids, frame.thread_id)
    run = await conversations.owned_run(owner, frame.supersedes, frame.thread_id)
    return NewMessage(frame, text, file_ids, run.thread_id, run.seq)


class AttachedFiles:
    """The files of a message that is about to begin the run ``run_id``. If it is not stored they are to be released."""

    def __init__(self, files: Files, owner: str, run_id: str) -> None:
        self._files = files
        self._owner = owner
        self.run_id = run_id
        self.found: Sequence[StoredFile] = ()

    async def claim(self, message: NewMessage, thread_id: str) -> None:
        """Claim those of this message for this thread. Raises what ``Files.claim`` does."""
        self.found = await self._files.claim(
            self._owner, message.file_ids, thread_id, self.run_id, supersedes=message.since > 0
        )

    async def release(self) -> None:
        """They are free again; if the store is away now, after a while."""
        with suppress(DependencyUnavailable):
            await self._files.release(self._owner, self.run_id)
