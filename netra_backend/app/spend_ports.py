"""What run budgets ask of the outside. The other ports are in ``ports``."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final, Protocol

from .core.budgets import ModelUse, Period, RunBudget, Spender, Spent

USES_A_PAGE: Final = 1000
SPENDERS: Final = 1000

Price = Callable[[str, int, int, int, int, int], Decimal | None]
"""Dollars of a request to this model at this moment (ms since 1970 UTC) with so many tokens: of input (all of it), of these read
from a cache and written to one, and of output. ``None``: the model has no price."""


class SpendStore(Protocol):
    """What requests to models cost, in the store of the event log. All processes of a server see one another's reservations."""

    async def reserve(self, use: ModelUse, budget: RunBudget) -> Period | None:
        """Store an estimate if the budget holds with it: both in one step, so that nobody else spends what is left meanwhile.
        Returns the period that does not hold; nothing is stored then. An attempt that is stored already is not counted again."""

    async def settle(self, use: ModelUse) -> None:
        """Store what an attempt came to, in the place of its reservation if there is one. One that was settled stays as it is;
        one that was reserved (``is_reserved``) and is gone was deleted: neither does it come back nor does it count again."""

    async def spent(self, owner: str, run_id: str, day: str) -> Spent:
        """What the owner has spent: in this run, on this day, and in the day's month."""

    async def uses(self, owner: str, after: tuple[str, int] = ("", 0)) -> list[ModelUse]:
        """The owner's attempts that follow this call id and attempt, in their order; at most ``USES_A_PAGE``."""

    async def mark(self, owner: str) -> str:
        """What tells one state of the owner's settled attempts from another; empty if there are none."""

    async def spenders(self, month: str) -> list[Spender]:
        """Who has spent in a month (``YYYY-MM``), the most first; at most ``SPENDERS``."""

    async def expire(self, before_day: str, sums_before_day: str) -> int:
        """Delete attempts, whoever's, of before that day, and sums of before the other one, which must be long ago. How many
        attempts: a bounded number at once, so it is to be called again until there are none."""
