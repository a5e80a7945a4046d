"""Run budgets at work: each request to a language model is reserved before it is sent, and settled by what it used."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextvars import Context
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from ..core import plan_points
from ..core.budgets import ModelUse, Period, RunBudget, Spender, Spent, most_tokens
from ..core.errors import BudgetRefused, DependencyUnavailable
from ..core.plans import Plan
from ..ports import Clock
from ..spend_ports import Price, SpendStore
from .budget_days import day_before, day_of, end_ms, moment

_LOG: Final = logging.getLogger("netra.budgets")
SUM_DAYS: Final = 63
"""Sums of days are kept so long at least: those of a month count until it is over, in every zone."""


class RunBudgets:
    """Reserves and settles requests of all runs of this process. It counts what it refused."""

    def __init__(self, store: SpendStore, clock: Clock, price: Price) -> None:
        self.store = store
        self._clock = clock
        self._price = price
        self._has_prices = False
        self._refused = self._reserved = self._settled = 0
        self._settling: dict[asyncio.Task[None], str] = {}
        """What is under way, and of whom."""

    def counts(self) -> Mapping[str, int]:
        """What happened since the start."""
        return {"reserved": self._reserved, "settled": self._settled, "refused": self._refused}

    async def reserve(
        self, owner: str, plan: Plan | None, call_id: str, attempt: int, model: str, texts: tuple[str, ...], answer: int
    ) -> ModelUse:
        """What may be sent: ``texts`` to this model, for an answer of so many tokens. Without a budget nothing is stored yet.

        Raises ``BudgetRefused`` (``budget_exceeded``, ``model_unpriced``), and ``DependencyUnavailable`` if nobody can say.
        """
        now_ms, budget = self._clock.now_ms(), None if plan is None else plan.budget
        zone = "UTC" if budget is None else budget.timezone
        use = ModelUse(owner, call_id, attempt, now_ms, day_of(now_ms, zone), model, None, most_tokens(*texts), answer)
        if budget is None:
            return use
        use = replace(use, usd=await self._usd(use))
        if use.usd is None and budget.is_in_dollars and not budget.counts_unpriced:
            self._refused += 1
            raise BudgetRefused(
                f"The language model {model} has no known price, and your budget is in dollars.",
                kind="model_unpriced",
                point=plan_points.BUDGET_UNPRICED,
            )
        period = await self.store.reserve(use, budget)
        if period is not None:
            self._refused += 1
            ends_ms = end_ms(period, now_ms, budget.timezone)
            raise BudgetRefused(
                _exceeded(period, ends_ms),
                hint=_HINT_OF_RUN if ends_ms is None else None,
                retry_after_ms=None if ends_ms is None else ends_ms - now_ms,
                point=plan_points.BUDGET_EXCEEDED,
            )
        self._reserved += 1
        return replace(use, is_reserved=True)

    def settle_soon(self, use: ModelUse, usage: Mapping[str, Any], context: Context | None) -> None:
        """Store what it came to, in a task of this context. ``usage`` is as ``model_completed`` has it; empty: it cost nothing.
        If it cannot be stored, or the process ends before, the reservation stays."""
        task = asyncio.get_running_loop().create_task(self._settle(use, dict(usage)), context=context)
        self._settling[task] = use.owner
        task.add_done_callback(self._settling.pop)

    async def drained(self, owner: str | None = None) -> None:
        """Wait until what has ended by now, of this owner or of everybody, is settled."""
        waited_for = [task for task, whose in self._settling.items() if owner in (None, whose)]
        if waited_for:
            await asyncio.wait(waited_for)

    async def _settle(self, use: ModelUse, told: Mapping[str, Any]) -> None:
        came_to = replace(
            use,
            model=_named(use.model, told.get("model")),
            input_tokens=_count(told, "input_tokens"),
            output_tokens=_count(told, "output_tokens"),
            cache_read_tokens=_count(told, "cache_read_tokens"),
            cache_write_tokens=_count(told, "cache_write_tokens"),
            reasoning_tokens=_count(told, "reasoning_tokens"),
            is_settled=True,
        )
        cost = told.get("cost_usd")
        try:
            if cost is not None or not told:
                usd: Decimal | None = Decimal(str(cost or 0))
            else:
                usd = await self._usd(came_to)
                if not usd and came_to.model != use.model:
                    usd = await self._usd(replace(came_to, model=use.model))
            await self.store.settle(replace(came_to, usd=usd))
            self._settled += 1
        except DependencyUnavailable:
            _LOG.warning("a model request could not be settled: its estimate counts", extra={"call_id": use.call_id})

    async def spent(self, owner: str, budget: RunBudget) -> Spent:
        """What the owner has spent on this budget's day and in its month; of no run."""
        return await self.store.spent(owner, "", day_of(self._clock.now_ms(), budget.timezone))

    async def spenders(self, month: str) -> list[Spender]:
        """Who has spent in a month (``YYYY-MM``), the most first; at most ``SPENDERS``."""
        return await self.store.spenders(month)

    async def uses(self, owner: str, after: tuple[str, int]) -> list[ModelUse]:
        """The owner's attempts that follow this call id and attempt, a page of them."""
        return await self.store.uses(owner, after)

    async def expire(self, keep_days: int | None) -> int:
        """Delete attempts, whoever's, from before so many days (``None``: none), and sums that no budget counts any more; how
        many."""
        now_ms, count = self._clock.now_ms(), 0
        before = "" if keep_days is None else day_before(now_ms, keep_days)
        while gone := await self.store.expire(before, day_before(now_ms, SUM_DAYS)):
            count += gone
        return count

    async def _usd(self, use: ModelUse) -> Decimal | None:
        """By the price list, which takes a while to load the first time: then only, in a thread."""
        given = use.model, use.at_ms, use.input_tokens, use.cache_read_tokens, use.cache_write_tokens, use.output_tokens
        if self._has_prices:
            return self._price(*given)
        usd = await asyncio.to_thread(self._price, *given)
        self._has_prices = True
        return usd


_HINT_OF_RUN: Final = "Ask for less at once, or ask the operator for another plan."


def _exceeded(period: Period, ends_ms: int | None) -> str:
    if ends_ms is None:
        return "The budget of this run for language models is used up."
    return f"Your budget of the {period} for language models is used up. The next one begins on {moment(ends_ms)}."


def _named(configured: str, answered: object) -> str:
    """The model that answered, with the provider, which its own name leaves out."""
    provider, colon, _ = configured.partition(":")
    if not isinstance(answered, str) or not answered:
        return configured
    return f"{provider}:{answered}" if colon and ":" not in answered else answered


def _count(told: Mapping[str, Any], name: str) -> int:
    value = told.get(name)
    return value if isinstance(value, int) and value > 0 else 0
