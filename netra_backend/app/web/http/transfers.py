"""Uploads, exports and reports that go on: bounded, and ended with the sign-in of their user."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ...core import validation
from ...core.error_catalogue import CATALOGUE
from ...core.errors import AuthenticationRefused, LimitRefused
from ...core.limits import Limits, Quotas
from ...ports import Clock

T = TypeVar("T")


class Transfer:
    """One upload, export or report of one user. ``close`` it."""

    def __init__(self, user_id: str, closed: Callable[[Transfer], None]) -> None:
        self.user_id = user_id
        self.is_ended = False
        self.over = asyncio.Event()
        self._closed = closed
        self._work: asyncio.Task[Any] | None = None

    async def perform(self, work: Coroutine[Any, Any, T]) -> T:
        """Do a part of it, which ``end`` cancels. Raises ``AuthenticationRefused`` (``revoked``) where it was ended."""
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
        raise AuthenticationRefused(CATALOGUE["revoked"].text, kind="revoked", point=validation.TRANSFER_ENDED)

    def end(self) -> None:
        """Stop what goes on, and let nothing more begin."""
        self.is_ended = True
        if self._work is not None:
            self._work.cancel()

    def close(self) -> None:
        """It is over. May be called again."""
        if not self.over.is_set():
            self.over.set()
            self._closed(self)


class Transfers:
    """The transfers of this process, bounded by user and in all."""

    def __init__(self, quotas: Quotas, limits: Limits, clock: Clock) -> None:
        self._quotas = quotas
        self._most = limits.process_transfers
        self._clock = clock
        self._open: set[Transfer] = set()
        self.begun = 0

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, user_id: str) -> Transfer:
        """A new transfer of this user. Raises ``LimitRefused`` (``transfer_limit``)."""
        if len(self._open) >= self._most:
            raise LimitRefused(
                "The server has no capacity for another upload, export or report.",
                kind="transfer_limit",
                retry_after_ms=5000,
                point=validation.TRANSFER_CAPACITY,
            )
        quota = self._quotas.of(user_id, self._clock.monotonic())
        try:
            quota.add_transfer()
        finally:
            self._quotas.release(user_id)
        transfer = Transfer(user_id, self._close)
        self._open.add(transfer)
        self.begun += 1
        return transfer

    def _close(self, transfer: Transfer) -> None:
        self._open.discard(transfer)
        self._quotas.of(transfer.user_id, self._clock.monotonic()).drop_transfer()
        self._quotas.release(transfer.user_id)

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
