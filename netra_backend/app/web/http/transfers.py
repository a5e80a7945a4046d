"""Uploads, exports and reports that go on: bounded, shared out, and ended with the sign-in of their user.

The last quarter is for users who have none. If all are taken, the user who has the most gives one up for a user who has none.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

from ...core import validation
from ...core.error_catalogue import CATALOGUE
from ...core.errors import AuthenticationRefused, LimitRefused
from ...core.identity import Identity
from ...core.limits import Limits
from ...core.quotas import Quotas
from ...ports import Clock

T = TypeVar("T")
_NO_ROOM: Final = "transfer_limit"


class Transfer:
    """One upload, export or report of one user. ``close`` it."""

    def __init__(self, identity: Identity, closed: Callable[[Transfer], None]) -> None:
        self.identity = identity
        self._ended_by: str | None = None
        self.over = asyncio.Event()
        self._closed = closed
        self._work: asyncio.Task[Any] | None = None

    @property
    def user_id(self) -> str:
        """Whose it is."""
        return self.identity.user_id

    @property
    def is_ended(self) -> bool:
        """Whether nothing more may begin."""
        return self._ended_by is not None

    async def perform(self, work: Coroutine[Any, Any, T]) -> T:
        """Do a part of it, which ``end`` cancels. Raises ``AuthenticationRefused`` of the kind that it was ended with, or
        ``LimitRefused`` if it gave way to another user's."""
        task = asyncio.get_running_loop().create_task(work)
        self._work = task
        if self.is_ended:
            task.cancel()
        try:
            return await task
        except asyncio.CancelledError:
            asker = asyncio.current_task()
            if not self.is_ended or (asker is not None and asker.cancelling()):
                raise
        finally:
            self._work = None
        kind = self._ended_by or "revoked"
        _require_room(kind != _NO_ROOM)
        raise AuthenticationRefused(CATALOGUE[kind].text, kind=kind, point=validation.TRANSFER_ENDED)

    def end(self, kind: str = "revoked") -> None:
        """Stop what goes on, and let nothing more begin, for this condition of the catalogue."""
        self._ended_by = self._ended_by or kind
        if self._work is not None:
            self._work.cancel()

    def close(self) -> None:
        """It is over. May be called again."""
        if not self.over.is_set():
            self.over.set()
            self._closed(self)


class Transfers:
    """The transfers of this process, bounded by user and in all. ``standing`` raises for an identity that does not stand (any
    more). Call ``tick`` every second."""

    def __init__(self, quotas: Quotas, limits: Limits, clock: Clock, standing: Callable[[Identity], Identity]) -> None:
        self._standing = standing
        self._quotas = quotas
        self._most = limits.process_transfers
        self._clock = clock
        self._open: dict[Transfer, None] = {}
        self.begun = 0

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, identity: Identity) -> Transfer:
        """A new transfer of this user, which ends with this sign-in. Raises ``LimitRefused`` (``transfer_limit``)."""
        quota = self._quotas.of(identity.user_id, self._clock.monotonic())
        try:
            in_its_way = self._in_the_way_of(quota.transfers)
            quota.add_transfer()
        finally:
            self._quotas.release(identity.user_id)
        if in_its_way is not None:
            in_its_way.end(_NO_ROOM)
        transfer = Transfer(identity, self._close)
        self._open[transfer] = None
        self.begun += 1
        return transfer

    def _in_the_way_of(self, has: int) -> Transfer | None:
        """Which one has to end so that a user who has so many gets another. Raises ``LimitRefused``."""
        going_on = [transfer for transfer in self._open if not transfer.is_ended]
        _require_room(len(self._open) < 2 * self._most)  # what was ended is not over before its client has noticed
        if len(going_on) < (self._most - self._most // 4 if has else self._most):
            return None
        user_id, most = Counter(transfer.user_id for transfer in going_on).most_common(1)[0]
        _require_room(not has and most > 1)
        return next(transfer for transfer in reversed(going_on) if transfer.user_id == user_id)

    def _close(self, transfer: Transfer) -> None:
        self._open.pop(transfer, None)
        self._quotas.of(transfer.user_id, self._clock.monotonic()).drop_transfer()
        self._quotas.release(transfer.user_id)

    def tick(self) -> None:
        """A second has passed: end what has outlived its sign-in."""
        self._end_refused(tuple(self._open))

    def end_sign_ins(self, user_id: str) -> None:
        """Stop what this user has by sign-ins that do not stand any more."""
        self._end_refused(self._of(user_id))

    def _end_refused(self, transfers: Iterable[Transfer]) -> None:
        for transfer in transfers:
            try:
                self._standing(transfer.identity)
            except AuthenticationRefused as refusal:
                transfer.end(refusal.entry.id)

    def end_user(self, user_id: str) -> None:
        """Stop what this user has."""
        for transfer in self._of(user_id):
            transfer.end()

    async def ended(self, user_id: str) -> None:
        """Wait until this user has none that was there at the call."""
        for transfer in self._of(user_id):
            await transfer.over.wait()

    def _of(self, user_id: str) -> list[Transfer]:
        return [transfer for transfer in self._open if transfer.user_id == user_id]


def _require_room(is_room: bool) -> None:
    if not is_room:
        raise LimitRefused(
            "The server has no capacity for another upload, export or report.",
            kind=_NO_ROOM,
            retry_after_ms=5000,
            point=validation.TRANSFER_CAPACITY,
        )
