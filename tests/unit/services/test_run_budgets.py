"""Run budgets over a store: what is reserved, refused with when it ends, and settled."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextvars import copy_context
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from netra_backend.app.core.budgets import Bound, ModelUse, RunBudget, most_tokens
from netra_backend.app.core.errors import BudgetRefused, DependencyUnavailable
from netra_backend.app.core.limits import USUAL
from netra_backend.app.core.plans import Plan
from netra_backend.app.services.budget_days import day_before, day_of
from netra_backend.app.services.run_budgets import SUM_DAYS, RunBudgets
from test_framework.clock import ManualClock
from test_framework.memory.spending import MemorySpending
from test_framework.memory.store import MemoryStore

TOKENS = most_tokens("why?") + 10


async def at_once() -> None:
    """A store that answers at once."""


def price(model: str, at_ms: int, read: int, cached: int, written: int, answered: int) -> Decimal | None:
    return Decimal(read + answered) / 1000 if model == "openai:mini" else None


class Till:
    """Budgets with their store and clock."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.kept = MemoryStore()
        self.budgets = RunBudgets(MemorySpending(self.kept, at_once), self.clock, price)

    async def reserve(
        self, budget: RunBudget | None = None, call_id: str = "run_1:1", model: str = "openai:mini"
    ) -> ModelUse:
        plan = None if budget is None else Plan("free", USUAL, budget)
        return await self.budgets.reserve("user_ada", plan, call_id, 1, model, ("why?",), 10)

    async def settle(self, use: ModelUse, **usage: Any) -> ModelUse:
        self.budgets.settle_soon(use, usage, copy_context())
        await self.budgets.drained()
        return self.kept.model_uses[use.owner, use.call_id, use.attempt]


@pytest.fixture
def till() -> Till:
    return Till()


async def test_without_a_budget_nothing_is_stored_before_it_is_settled(till: Till) -> None:
    use = await till.reserve()
    assert (use.usd, use.input_tokens + use.output_tokens) == (None, TOKENS)
    assert not till.kept.model_uses
    settled = await till.settle(use, input_tokens=3, output_tokens=2, cache_read_tokens=1, reasoning_tokens=2)
    assert (settled.usd, settled.amount.tokens, settled.cache_read_tokens, settled.reasoning_tokens) == (
        Decimal("0.005"),
        5,
        1,
        2,
    )
    assert till.budgets.counts() == {"reserved": 0, "settled": 1, "refused": 0}


@pytest.mark.validation_point("budget.exceeded")
async def test_a_refusal_says_when_the_period_ends(till: Till) -> None:
    budget = RunBudget(day=Bound(tokens=TOKENS), timezone="Europe/Berlin")
    await till.reserve(budget)
    with pytest.raises(BudgetRefused, match=r"of the day .* The next one begins on") as refused:
        await till.reserve(budget, "run_1:2")
    assert refused.value.retry_after_ms is not None
    later = till.clock.now_ms() + refused.value.retry_after_ms
    assert day_of(later, "Europe/Berlin") > day_of(later - 1, "Europe/Berlin")
    till.clock.advance(s=refused.value.retry_after_ms / 1000)
    await till.reserve(budget, "run_1:2")
    assert till.budgets.counts() == {"reserved": 2, "settled": 0, "refused": 1}


async def test_the_end_of_a_runs_budget_is_not_told_since_nobody_knows_it(till: Till) -> None:
    with pytest.raises(BudgetRefused, match="of this run") as refused:
        await till.reserve(RunBudget(run=Bound(tokens=1)))
    assert refused.value.retry_after_ms is None


@pytest.mark.validation_point("budget.unpriced")
async def test_a_model_without_a_price_is_refused_only_under_a_budget_in_dollars(till: Till) -> None:
    with pytest.raises(BudgetRefused) as refused:
        await till.reserve(RunBudget(month=Bound(usd=Decimal(1))), model="mine")
    assert refused.value.entry.id == "model_unpriced"
    await till.reserve(RunBudget(month=Bound(usd=Decimal(0)), counts_unpriced=True), model="mine")
    await till.reserve(RunBudget(month=Bound(tokens=1000)), "run_1:2", model="mine")


@pytest.mark.parametrize(
    ("usage", "model", "usd"),
    [
        ({"input_tokens": 1, "output_tokens": 1, "cost_usd": "0.3"}, "openai:mini", "0.3"),
        ({"input_tokens": 1, "output_tokens": 1, "model": "mini-2026"}, "openai:mini-2026", "0.002"),
        ({"input_tokens": 1, "output_tokens": 1, "model": "azure:mini"}, "azure:mini", "0.002"),
        ({"input_tokens": -1, "output_tokens": "7"}, "openai:mini", "0"),
        ({}, "openai:mini", "0"),
    ],
)
async def test_what_a_provider_reports_counts_under_the_name_that_answered(
    till: Till, usage: dict[str, Any], model: str, usd: str
) -> None:
    use = await till.reserve(RunBudget(day=Bound(tokens=1000)))
    settled = await till.settle(use, **usage)
    assert (settled.model, settled.usd) == (model, Decimal(usd))


async def test_what_was_deleted_meanwhile_is_settled_nowhere_if_it_was_reserved(till: Till) -> None:
    use = await till.reserve(RunBudget(day=Bound(tokens=1000)))
    till.kept.model_uses.clear()
    till.budgets.settle_soon(use, {"input_tokens": 3}, copy_context())
    await till.budgets.drained()
    assert not till.kept.model_uses
    assert [amount.tokens for amount in till.kept.spend.values()] == [TOKENS]


async def test_an_owners_requests_are_waited_for_and_no_others(monkeypatch: pytest.MonkeyPatch, till: Till) -> None:
    gate = asyncio.Event()

    async def settle(use: ModelUse) -> None:
        if use.owner != "user_ada":
            await gate.wait()
        settled.append(use.owner)

    settled: list[str] = []
    monkeypatch.setattr(till.budgets.store, "settle", settle)
    adas = await till.reserve()
    for use in (replace(adas, owner="user_bob"), adas):
        till.budgets.settle_soon(use, {}, None)
    async with asyncio.timeout(20):
        await till.budgets.drained("user_ada")
        await till.budgets.drained("user_eve")
    assert settled == ["user_ada"]
    gate.set()
    await till.budgets.drained()
    assert settled == ["user_ada", "user_bob"]


async def test_a_store_that_is_away_leaves_the_estimate(till: Till, caplog: pytest.LogCaptureFixture) -> None:
    use = await till.reserve(RunBudget(day=Bound(tokens=1000)))

    async def away() -> None:
        raise DependencyUnavailable("away")

    till.budgets.store = MemorySpending(till.kept, away)
    with caplog.at_level(logging.WARNING, "netra.budgets"):
        settled = await till.settle(use, input_tokens=1, output_tokens=1)
    assert not settled.is_settled
    assert "its estimate counts" in caplog.text


@pytest.mark.parametrize("keep_days", [None, 30])
async def test_attempts_go_after_their_days_and_sums_when_no_budget_counts_them(
    till: Till, keep_days: int | None
) -> None:
    use = await till.reserve(RunBudget(day=Bound(tokens=1000)))
    till.clock.advance(s=31 * 86_400)
    assert await till.budgets.expire(keep_days) == (0 if keep_days is None else 1)
    assert [place[1] for place in till.kept.spend] == [use.day]
    till.clock.advance(s=(SUM_DAYS - 31 + 1) * 86_400)
    assert day_before(till.clock.now_ms(), SUM_DAYS) > use.day
    assert await till.budgets.expire(keep_days) == 0
    assert not till.kept.spend


async def test_what_was_spent_is_told_for_the_budgets_own_day(till: Till) -> None:
    await till.reserve(RunBudget(day=Bound(tokens=1000)))
    spent = await till.budgets.spent("user_ada", RunBudget())
    assert spent.day.tokens == spent.month.tokens == TOKENS
    assert [each.owner for each in await till.budgets.spenders(day_of(till.clock.now_ms())[:7])] == ["user_ada"]
    assert len(await till.budgets.uses("user_ada", ("", 0))) == 1


async def test_prices_are_loaded_in_a_thread_the_first_time_and_not_waited_for_then() -> None:
    threads: list[bool] = []

    def told(*given: Any) -> Decimal | None:
        threads.append(threading.current_thread() is threading.main_thread())
        return price(*given)

    till = Till()
    till.budgets = RunBudgets(MemorySpending(till.kept, at_once), till.clock, told)
    for number in range(2):
        await till.settle(await till.reserve(call_id=f"run_1:{number}"), input_tokens=1, output_tokens=1)
    assert threads == [False, True]


async def test_a_model_that_answers_for_another_costs_what_either_does_and_is_looked_up_once_for_each() -> None:
    asked: list[str] = []

    def told(model: str, *given: int) -> Decimal | None:
        asked.append(model)
        return price(model, *given)

    till = Till()
    till.budgets = RunBudgets(MemorySpending(till.kept, at_once), till.clock, told)
    same = await till.settle(await till.reserve(model="mine"), input_tokens=1, output_tokens=1)
    other = await till.settle(await till.reserve(call_id="run_1:2"), input_tokens=1, output_tokens=1, model="openai:x")
    assert (same.usd, other.usd) == (None, Decimal("0.002"))
    assert asked == ["mine", "openai:x", "openai:mini"]
