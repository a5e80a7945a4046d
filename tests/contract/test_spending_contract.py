"""What every store of spending promises (``spend_ports.SpendStore``): one suite over all adapters."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from netra_backend.app.adapters.postgres.event_log import PostgresEventLog
from netra_backend.app.adapters.sqlite.event_log import SqliteEventLog
from netra_backend.app.core.budgets import (
    MOST_MODEL_NAME,
    MOST_TOKENS,
    MOST_USD,
    MOST_USD_OF_A_DAY,
    PERIODS,
    Amount,
    Bound,
    ModelUse,
    Period,
    RunBudget,
    Spender,
    Spent,
)
from netra_backend.app.spend_ports import SpendStore
from test_framework.clock import START_MS
from test_framework.memory.event_log import MemoryEventLog
from tests.contract.conftest import StoryOverAnAdapter

DAY = "2026-11-30"
FREE = RunBudget()
NOTHING = Amount(Decimal(0), 0)
CENT = Decimal("0.010000000001")
"""A cent and a picodollar: it is lost where money is rounded."""


def use(
    call_id: str = "run_a:1",
    usd: Decimal | None = CENT,
    tokens: int = 10,
    *,
    owner: str = "user_ada",
    attempt: int = 1,
    day: str = DAY,
    settled: bool = False,
    reserved: bool = False,
) -> ModelUse:
    model = "openai:gpt-4o"
    return ModelUse(owner, call_id, attempt, START_MS, day, model, usd, tokens - 3, 3, 2, 1, 1, settled, reserved)


@pytest.fixture
def store(story: StoryOverAnAdapter) -> SpendStore:
    return store_of(story)


def store_of(story: StoryOverAnAdapter) -> SpendStore:
    log = story.log
    assert isinstance(log, SqliteEventLog | PostgresEventLog | MemoryEventLog)
    return log.spending


async def spent(store: SpendStore, owner: str = "user_ada", run: str = "run_a", day: str = DAY) -> Spent:
    return await store.spent(owner, run, day)


class TestReserving:
    async def test_a_reservation_is_spent_in_its_run_its_day_and_its_month_exactly(
        self, story: StoryOverAnAdapter
    ) -> None:
        store = store_of(story)
        assert await store.reserve(use(), FREE) is None
        assert await store.reserve(use("run_b:1"), FREE) is None
        assert await store.reserve(use("run_c:1", day="2026-11-01"), FREE) is None
        assert await store.reserve(use("run_d:1", day="2026-12-01"), FREE) is None
        for _ in range(2):
            assert await spent(store_of(story)) == Spent(
                Amount(CENT, 10), Amount(2 * CENT, 20), Amount(Decimal("0.030000000003"), 30)
            )
            await story.reopen()

    async def test_a_run_is_not_taken_for_one_whose_id_begins_alike(self, store: SpendStore) -> None:
        await store.reserve(use("run_a2:1"), FREE)
        await store.reserve(use("run_:1"), FREE)
        assert (await spent(store)).run == NOTHING

    @pytest.mark.parametrize("period", PERIODS)
    @pytest.mark.parametrize("bound", [Bound(usd=2 * CENT), Bound(tokens=20)])
    async def test_what_a_bound_does_not_hold_is_refused_and_not_stored(
        self, store: SpendStore, period: Period, bound: Bound
    ) -> None:
        budgets = {"run": RunBudget(run=bound), "day": RunBudget(day=bound), "month": RunBudget(month=bound)}
        budget = budgets[period]
        assert await store.reserve(use("run_a:1"), budget) is None
        assert await store.reserve(use("run_a:2"), budget) is None, "a bound may be reached"
        before = await spent(store)
        assert await store.reserve(use("run_a:3", Decimal("0.000000000001"), 3), budget) == period
        assert await spent(store) == before

    async def test_the_same_attempt_is_reserved_once_and_never_refused_again(self, store: SpendStore) -> None:
        budget = RunBudget(day=Bound(tokens=10))
        assert await store.reserve(use(), budget) is None
        assert await store.reserve(use(), budget) is None
        assert (await spent(store)).day == Amount(CENT, 10)

    async def test_a_later_attempt_counts_beside_the_one_that_was_cut_off(self, store: SpendStore) -> None:
        budget = RunBudget(run=Bound(tokens=20))
        assert await store.reserve(use(attempt=1), budget) is None
        assert await store.reserve(use(attempt=2), budget) is None
        assert await store.reserve(use(attempt=3), budget) == "run"

    async def test_many_at_once_never_spend_more_than_the_bound(self, store: SpendStore) -> None:
        budget = RunBudget(day=Bound(usd=5 * CENT))
        asked = [store.reserve(use(f"run_{n}:1"), budget) for n in range(20)]
        assert sorted(str(each) for each in await asyncio.gather(*asked)) == ["None"] * 5 + ["day"] * 15
        assert (await spent(store)).day == Amount(5 * CENT, 50)

    async def test_what_one_user_spends_is_not_anothers(self, store: SpendStore) -> None:
        budget = RunBudget(day=Bound(tokens=10))
        assert await store.reserve(use(), budget) is None
        assert await store.reserve(use(owner="user_bob"), budget) is None
        assert await spent(store, "user_eve") == Spent(NOTHING, NOTHING, NOTHING)
        assert [each.owner for each in await store.uses("user_bob")] == ["user_bob"]


class TestSettling:
    async def test_what_it_came_to_takes_the_place_of_the_reservation_once(self, store: SpendStore) -> None:
        await store.reserve(use(usd=Decimal(1), tokens=1000), FREE)
        settled = use(settled=True)
        await store.settle(settled)
        await store.settle(replace(settled, usd=Decimal(7)))
        assert await spent(store) == Spent(*[Amount(CENT, 10)] * 3)
        assert await store.uses("user_ada") == [settled]

    async def test_it_is_of_the_day_that_it_was_reserved_on(self, store: SpendStore) -> None:
        await store.reserve(use(tokens=100), FREE)
        await store.settle(use(day="2026-12-01", settled=True))
        assert (await spent(store)).day == Amount(CENT, 10)
        assert (await spent(store, day="2026-12-01")).day == NOTHING
        assert [each.day for each in await store.uses("user_ada")] == [DAY]

    async def test_what_was_not_reserved_is_counted_too(self, store: SpendStore) -> None:
        await store.settle(use(settled=True))
        assert (await spent(store)).month == Amount(CENT, 10)

    async def test_what_was_deleted_after_its_reservation_neither_comes_back_nor_counts_twice(
        self, story: StoryOverAnAdapter
    ) -> None:
        store = store_of(story)
        await store.reserve(use(), FREE)
        await story.log.delete_owner("user_ada")
        await store.settle(use(tokens=50, settled=True, reserved=True))
        assert await store.uses("user_ada") == []
        assert (await spent(store)).month == Amount(CENT, 10)

    async def test_a_model_without_a_price_costs_tokens_alone(self, store: SpendStore) -> None:
        await store.settle(use(usd=None, settled=True))
        assert (await spent(store)).day == Amount(Decimal(0), 10)
        assert [each.usd for each in await store.uses("user_ada")] == [None]

    async def test_what_a_provider_makes_up_is_stored_as_far_as_it_can_be_and_stops_nobody(
        self, store: SpendStore
    ) -> None:
        made_up = replace(
            use(settled=True),
            model="openai:\ud800\x00" + "x" * 1000,
            usd=Decimal(10) ** 40,
            input_tokens=2**63,
            output_tokens=-7,
        )
        await store.settle(replace(made_up, call_id="run_a:0", usd=Decimal("NaN")))
        for number in range(3, 204):
            await store.settle(replace(made_up, call_id=f"run_a:{number}"))
        first, *_ = await store.uses("user_ada")
        assert first.model == "openai:?\ufffd" + "x" * (MOST_MODEL_NAME - 9)
        assert (first.input_tokens, first.output_tokens, first.usd) == (MOST_TOKENS, 0, None)
        assert (await spent(store)).day.usd == MOST_USD_OF_A_DAY
        await store.reserve(use(owner="user_bob"), FREE)
        assert (await spent(store, "user_bob")).day == Amount(CENT, 10)

    async def test_an_estimate_larger_than_can_be_counted_is_reserved_as_the_largest(self, store: SpendStore) -> None:
        assert await store.reserve(use(usd=Decimal(10) ** 30, tokens=10**30), FREE) is None
        assert (await spent(store)).run == Amount(MOST_USD, MOST_TOKENS + 3)


class TestLists:
    async def test_attempts_come_in_their_order_from_where_one_asks(self, store: SpendStore) -> None:
        for call_id, attempt in (("run_a:2", 1), ("run_a:1", 2), ("run_a:1", 1)):
            await store.settle(use(call_id, attempt=attempt, settled=True))
        told = [(each.call_id, each.attempt) for each in await store.uses("user_ada")]
        assert told == [("run_a:1", 1), ("run_a:1", 2), ("run_a:2", 1)]
        assert [each.call_id for each in await store.uses("user_ada", ("run_a:1", 2))] == ["run_a:2"]

    async def test_who_spent_most_in_a_month_comes_first(self, store: SpendStore) -> None:
        await store.settle(use(owner="user_bob", usd=Decimal(2), settled=True))
        await store.settle(use("run_a:1", settled=True))
        await store.settle(use("run_a:2", settled=True))
        await store.settle(use("run_a:3", day="2026-10-31", settled=True))
        assert await store.spenders("2026-11") == [
            Spender("user_bob", Decimal(2), 10, 1),
            Spender("user_ada", 2 * CENT, 20, 2),
        ]


class TestDeleting:
    async def test_attempts_go_with_their_owner_and_a_spent_budget_does_not_come_back(
        self, story: StoryOverAnAdapter
    ) -> None:
        store = store_of(story)
        await store.reserve(use(), FREE)
        await store.reserve(use(owner="user_bob"), FREE)
        await story.log.delete_owner("user_ada")
        assert await store.uses("user_ada") == []
        assert (await spent(store)).month == Amount(CENT, 10)
        assert await store.reserve(use("run_z:1"), RunBudget(month=Bound(tokens=15))) == "month"
        assert len(await store.uses("user_bob")) == 1

    async def test_old_attempts_and_old_sums_go_each_by_their_own_day(self, store: SpendStore) -> None:
        await store.settle(use("run_a:1", day="2001-01-01", settled=True))
        await store.settle(use("run_a:2", day="2001-03-01", settled=True))
        await store.settle(use("run_a:3", settled=True))
        gone = 0
        while count := await store.expire("2001-03-02", "2001-02-01"):
            gone += count
        assert gone == 2
        assert [each.day for each in await store.uses("user_ada")] == [DAY]
        assert (await spent(store, day="2001-01-01")).month == NOTHING
        assert (await spent(store, day="2001-03-01")).month == Amount(CENT, 10)
