"""Threads and runs by their owners: the one place where ownership of a conversation is decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..core import validation
from ..core.doors.thread_ids import is_of_another
from ..core.errors import IsolationRefused, NotFound
from ..core.history import StoredRun, ThreadHead
from ..core.quotas import Quotas
from ..ports import Clock, Entropy, EventLog

TITLE_CHARACTERS: Final = 80
_EPOCH_BYTES: Final = 8


def title_of(message: str) -> str:
    """A thread's first title: the first line of its first message, cut at a word."""
    line = " ".join(message.split())
    if len(line) <= TITLE_CHARACTERS:
        return line
    cut = line[: TITLE_CHARACTERS - 1]
    return (cut.rpartition(" ")[0] or cut) + "…"


class Conversations:
    """Claims threads for users and finds what is theirs. A thread has one owner, from its first message, for ever."""

    def __init__(
        self, log: EventLog, clock: Clock, entropy: Entropy, mint: Callable[[str], str], quotas: Quotas
    ) -> None:
        self._log = log
        self._clock = clock
        self._entropy = entropy
        self._mint = mint
        self._quotas = quotas

    async def claim(self, owner: str, thread_id: str | None, message: str) -> ThreadHead:
        """The owner's thread of that id, or a new one that belongs to the owner from now on.

        Raises ``IsolationRefused`` if it is or was another's, or one that only another's client can mean; ``LimitRefused`` if too
        many ids are tried.
        """
        if thread_id is None:
            return self._create(owner, self._mint("thr"), message)
        head = self._log.known(thread_id)
        if head is None or (head.owner != owner and head.owner and not head.durable):  # it may prove to be the owner's
            self._quotas.of(owner, self._clock.monotonic()).claim_thread(self._clock.monotonic())
            head = await self._log.find(thread_id)
            if head is None and not is_of_another(thread_id, owner):
                return self._create(owner, thread_id, message)
        if head is None or head.owner != owner:
            raise IsolationRefused(
                "SSOT isolation: this thread belongs to another user.", field="thread_id", point=validation.THREAD_CLAIM
            )
        return head

    def _create(self, owner: str, thread_id: str, message: str) -> ThreadHead:
        epoch = self._entropy.take(_EPOCH_BYTES).hex()
        return self._log.create(owner, thread_id, epoch, title_of(message), self._clock.now_ms())

    async def owned_thread(self, owner: str, thread_id: str) -> ThreadHead:
        """The owner's thread. Raises ``NotFound`` if the owner has no thread of that id. A thread without a committed event
        does not count: it may turn out to be another process's."""
        head = await self._log.find(thread_id)
        if head is None or head.owner != owner or not head.durable:
            raise NotFound("There is no such thread.", field="thread_id", point=validation.THREAD_OWNED)
        return head

    async def owned_run(self, owner: str, run_id: str, thread_id: str | None = None) -> StoredRun:
        """The owner's run, of that thread if one is named. Raises ``NotFound`` if the owner has no such run."""
        run = await self._log.run(run_id)
        if run is None or run.owner != owner or thread_id not in (None, run.thread_id):
            raise NotFound("There is no such run.", field="run_id", point=validation.RUN_OWNED)
        return run
