"""Requests by their idempotency keys: the same user's same key within a day gets the first answer again."""

from __future__ import annotations

from typing import Final

from ..core.errors import DependencyUnavailable, NotFound
from ..core.frames import Accepted
from ..core.history import RunRecord
from ..core.recent import Recent
from ..ports import Clock, EventLog
from ..services.conversations import Conversations

KEY_LIFETIME_MS: Final = 24 * 3600 * 1000
MAX_KEYS: Final = 20_000


class AcceptedRequests:
    """What was accepted lately, in memory, with the log behind it."""

    def __init__(self, log: EventLog, conversations: Conversations, clock: Clock) -> None:
        self._log = log
        self._conversations = conversations
        self._clock = clock
        self._recent: Recent[tuple[str, str], RunRecord] = Recent(MAX_KEYS)

    def keep(self, owner: str, key: str, run: RunRecord) -> None:
        """This run was begun under the key."""
        self._recent.put((owner, key), run)

    def is_recent(self, owner: str, key: str) -> bool:
        """Whether a run of this process was begun under the key lately."""
        return self._recent.get((owner, key)) is not None

    def drop(self, owner: str, key: str) -> None:
        """The run was not accepted after all."""
        self._recent.drop((owner, key))

    def forget_owner(self, owner: str) -> None:
        """Forget the user's keys."""
        self._recent.drop_where(lambda key: key[0] == owner)

    async def first_answer(self, owner: str, key: str) -> Accepted | None:
        """What was answered to the first request of this key, once that one is committed.

        Raises ``NotFound`` where its thread was deleted since, ``DependencyUnavailable`` where that cannot be said now.
        """
        since_ms = self._clock.now_ms() - KEY_LIFETIME_MS
        known = self._recent.get((owner, key))
        if known is not None and (known.created_ms < since_ms or not known.head.owner):  # too old, or deleted
            self._recent.drop((owner, key))
            known = None
        if known is not None:
            head, epoch = known.head, known.head.epoch  # the thread may be deleted while we wait
            try:
                await self._log.durable(known)
            except DependencyUnavailable:
                if self._log.failed or head.fence:
                    raise  # else the store did not take it: another process has accepted the key
            else:
                return Accepted(key, head.thread_id, epoch, known.run_id, known.seq)
        stored = await self._log.request(owner, key, since_ms)
        if stored is None:
            return None
        try:
            thread = await self._conversations.owned_thread(owner, stored.thread_id)
        except NotFound:
            begun = self._log.known(stored.thread_id)
            if begun is not None and begun.owner == owner:  # here too: the store is about to refuse that
                raise DependencyUnavailable(
                    "This thread is being started by another process.", retry_after_ms=200
                ) from None
            raise
        return Accepted(key, stored.thread_id, thread.epoch, stored.run_id, stored.seq)
