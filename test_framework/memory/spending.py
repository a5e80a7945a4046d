"""What requests to models cost, in a memory store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from decimal import Decimal

from netra_backend.app.core.budgets import (
    MOST_USD_OF_A_DAY,
    Amount,
    ModelUse,
    Period,
    RunBudget,
    Spender,
    Spent,
    storable,
    subject_of,
)
from netra_backend.app.spend_ports import SPENDERS, USES_A_PAGE

from .store import MemoryStore


class MemorySpending:
    """``spend_ports.SpendStore`` over a ``MemoryStore``; ``wait`` is awaited ahead of each look and change, as for a database."""

    def __init__(self, store: MemoryStore, wait: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._wait = wait

    async def reserve(self, use: ModelUse, budget: RunBudget) -> Period | None:
        await self._wait()
        if (use.owner, use.call_id, use.attempt) in self._store.model_uses:
            return None
        refused = budget.exceeded(self._spent(use.owner, use.run_id, use.day), use.amount)
        if refused is None:
            self._put(use)
        return refused

    async def settle(self, use: ModelUse) -> None:
        await self._wait()
        self._put(use)

    def _put(self, use: ModelUse) -> None:
        use = storable(use)
        key = (use.owner, use.call_id, use.attempt)
        known = self._store.model_uses.get(key)
        if (known is not None and known.is_settled) or (known is None and use.is_reserved):
            return
        day = use.day if known is None else known.day
        before = Amount() if known is None else known.amount
        self._store.model_uses[key] = replace(use, day=day)
        place = (subject_of(use.owner), day)
        usd, tokens = self._store.spend.get(place, Amount())
        usd = min(usd + use.amount.usd - before.usd, MOST_USD_OF_A_DAY)
        self._store.spend[place] = Amount(usd, tokens + use.amount.tokens - before.tokens)

    async def spent(self, owner: str, run_id: str, day: str) -> Spent:
        await self._wait()
        return self._spent(owner, run_id, day)

    def _spent(self, owner: str, run_id: str, day: str) -> Spent:
        sums = {d: amount for (subject, d), amount in self._store.spend.items() if subject == subject_of(owner)}
        run = (use.amount for use in self._store.model_uses.values() if (use.owner, use.run_id) == (owner, run_id))
        month = (amount for d, amount in sums.items() if d[:7] == day[:7])
        return Spent(_sum(run), sums.get(day, Amount()), _sum(month))

    async def uses(self, owner: str, after: tuple[str, int] = ("", 0)) -> list[ModelUse]:
        await self._wait()
        mine = [use for use in self._store.model_uses.values() if use.owner == owner]
        rest = [use for use in mine if (use.call_id, use.attempt) > after]
        return sorted(rest, key=lambda use: (use.call_id, use.attempt))[:USES_A_PAGE]

    async def mark(self, owner: str) -> str:
        await self._wait()
        mine = [use for use in self._store.model_uses.values() if use.owner == owner and use.is_settled]
        return f"{len(mine)}:{sum(use.amount.tokens for use in mine)}" if mine else ""

    async def spenders(self, month: str) -> list[Spender]:
        await self._wait()
        found: dict[str, list[Amount]] = {}
        for use in self._store.model_uses.values():
            if use.day[:7] == month:
                found.setdefault(use.owner, []).append(use.amount)
        told = [Spender(owner, *_sum(amounts), len(amounts)) for owner, amounts in found.items()]
        return sorted(told, key=lambda each: (-each.usd, -each.tokens, each.owner))[:SPENDERS]

    async def expire(self, before_day: str, sums_before_day: str) -> int:
        await self._wait()
        old = [key for key, use in self._store.model_uses.items() if use.day < before_day]
        for key in old:
            del self._store.model_uses[key]
        for place in [place for place in self._store.spend if place[1] < sums_before_day]:
            del self._store.spend[place]
        return len(old)


def _sum(amounts: Iterable[Amount]) -> Amount:
    listed = list(amounts)
    return Amount(sum((each.usd for each in listed), Decimal(0)), sum(each.tokens for each in listed))
