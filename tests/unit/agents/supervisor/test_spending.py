"""What a run's model requests cost: reserved before they are sent, refused beyond the budget, settled by what they used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.budgets import Amount, Bound, RunBudget, most_tokens
from netra_backend.app.core.errors import BudgetRefused, DependencyUnavailable
from netra_backend.app.core.events import AgentCompleted, AgentFailed, AnyEvent, ModelCompleted
from netra_backend.app.core.limits import USUAL
from netra_backend.app.core.model_part import ModelPart
from netra_backend.app.core.plans import Plan, Plans
from test_framework.counted_tool import kinds, uninterrupted

PRICE = Decimal("0.000000000007")
"""Of a token."""
USED = {"input_tokens": 4, "output_tokens": 2}
ESTIMATE = most_tokens("why?", "short") + 5


class Script:
    """A model that says its parts, or fails."""

    def __init__(self, *parts: Any, name: str = "priced") -> None:
        self.name = name
        self.parts = parts
        self.asked = 0

    async def stream(self, prompt: str, *, system: str, max_tokens: int) -> AsyncGenerator[ModelPart, None]:
        self.asked += 1
        for part in self.parts:
            if isinstance(part, BaseException):
                raise part
            if callable(part):
                await part()
            else:
                yield part if isinstance(part, ModelPart) else ModelPart(part)


def limited(
    workshop: Any, budget: RunBudget, *parts: Any, times: int = 1, name: str = "priced", **asked: Any
) -> Script:
    """Have everybody's runs go on this budget; ``golden`` asks the model so often."""
    script = Script(*(parts or ("Because.", ModelPart("", USED))), name=name)

    async def run(scope: Any) -> AgentResult:
        said = []
        for _ in range(times):
            try:
                said.append((await scope.ask_model("why?", system="short", max_tokens=5, **asked)).text)
            except BudgetRefused as refused:
                await scope.think(f"{refused.entry.id} {refused.retry_after_ms} {refused.hint}")
                raise
        return AgentResult(" ".join(said))

    workshop.plans = Plans({}, Plan("", USUAL, budget))
    workshop.prices = {"priced": PRICE}
    workshop.agent("golden", run)
    workshop.answer_with(script)
    return script


async def spent(workshop: Any, run: list[AnyEvent]) -> Amount:
    await workshop.budgets.drained()
    owner = next(thread.owner for thread in workshop.store.threads.values() if thread.thread_id == run[0].thread_id)
    day = (await workshop.log.spending.uses(owner))[0].day
    amounts = await workshop.log.spending.spent(owner, run[0].run_id, day)
    assert amounts.run == amounts.day == amounts.month
    return Amount(*amounts.run)


class TestBudget:
    async def test_what_was_used_takes_the_place_of_what_was_reserved(self, workshop: Any) -> None:
        held: list[Amount] = []

        async def look() -> None:
            (use,) = workshop.store.model_uses.values()
            held.append(use.amount)

        limited(workshop, RunBudget(day=Bound(tokens=1000)), look, "Because.", ModelPart("", USED))
        events = await workshop.run("golden")
        assert held == [Amount(PRICE * ESTIMATE, ESTIMATE)]
        assert await spent(workshop, events) == Amount(PRICE * 6, 6)

    @pytest.mark.validation_point("budget.exceeded")
    @pytest.mark.parametrize(
        ("budget", "told"),
        [
            (RunBudget(run=Bound(tokens=ESTIMATE + 5)), "The budget of this run for language models is used up."),
            (
                RunBudget(day=Bound(usd=PRICE * (ESTIMATE + 5))),
                "Your budget of the day for language models is used up.",
            ),
            (RunBudget(month=Bound(tokens=ESTIMATE + 5)), "Your budget of the month for language models is used up."),
        ],
    )
    async def test_a_request_beyond_the_budget_is_not_sent_and_ends_the_run_with_what_is_used_up(
        self, workshop: Any, budget: RunBudget, told: str
    ) -> None:
        script = limited(workshop, budget, times=2)
        events = await workshop.run("golden")
        failed = events[-1]
        assert isinstance(failed, AgentFailed)
        assert (failed.error, failed.retryable) == ("budget_exceeded", True)
        assert failed.message.startswith(told)
        assert script.asked == 1
        assert await spent(workshop, events) == Amount(PRICE * 6, 6)

    async def test_a_refusal_is_recorded_and_the_same_on_every_replay(self, workshop: Any) -> None:
        script = limited(workshop, RunBudget(day=Bound(tokens=10)))
        before = await workshop.run("golden")
        owner = next(iter(workshop.store.threads.values())).owner
        assert kinds(before)[-4:] == ["ModelStarted", "ModelCompleted", "AgentThinking", "AgentFailed"]
        workshop.plans = None  # nobody would refuse it now
        for frames in range(before[-3].seq, before[-1].seq):
            client = await workshop.killed_after(before, owner, frames)
            after = await client.ended(before[0].run_id)
            stored = await workshop.stored(before[0].run_id)
            assert uninterrupted(stored) == kinds(before)
            assert isinstance(after[-1], AgentFailed)
            assert after[-1].message == before[-1].message
            thought = [each.text for each in stored if each.__class__.__name__ == "AgentThinking"]
            assert thought == [before[-2].text]
        assert script.asked == 0

    async def test_an_answer_to_show_instead_is_shown_if_the_budget_is_used_up(self, workshop: Any) -> None:
        script = limited(workshop, RunBudget(day=Bound(tokens=10)), instead="Figures only.")
        events = await workshop.run("golden")
        assert isinstance(events[-1], AgentCompleted)
        assert events[-1].result["text"] == "Figures only."
        ended = next(each for each in events if isinstance(each, ModelCompleted))
        assert ended.usage is not None
        assert ended.usage["replaced"].startswith("Your budget of the day")
        assert script.asked == 0

    @pytest.mark.validation_point("budget.unpriced")
    async def test_a_model_without_a_price_is_refused_under_a_budget_in_dollars(self, workshop: Any) -> None:
        script = limited(workshop, RunBudget(day=Bound(usd=Decimal(1000))), name="unknown")
        failed = (await workshop.run("golden"))[-1]
        assert isinstance(failed, AgentFailed)
        assert failed.error == "model_unpriced"
        assert script.asked == 0

    @pytest.mark.parametrize(
        "budget",
        [RunBudget(day=Bound(tokens=1000)), RunBudget(day=Bound(usd=Decimal(0), tokens=1000), counts_unpriced=True)],
    )
    async def test_a_model_without_a_price_counts_in_tokens(self, workshop: Any, budget: RunBudget) -> None:
        limited(workshop, budget, name="unknown")
        events = await workshop.run("golden")
        assert isinstance(events[-1], AgentCompleted)
        assert await spent(workshop, events) == Amount(Decimal(0), 6)


class TestWhatIsNotKnown:
    @pytest.mark.parametrize(
        ("parts", "tokens"),
        [
            ((DependencyUnavailable("refused"),), 0),
            (("Bec", DependencyUnavailable("broke off")), ESTIMATE),
            (("Because.",), ESTIMATE),
            (("Because.", ModelPart("", {"input_tokens": 0, "output_tokens": 0})), ESTIMATE),
            (("Bec", ModelPart("", USED), DependencyUnavailable("broke off")), 6),
        ],
    )
    async def test_the_estimate_counts_if_it_may_have_cost_that(
        self, workshop: Any, parts: tuple[Any, ...], tokens: int
    ) -> None:
        limited(workshop, RunBudget(day=Bound(tokens=1000)), *parts)
        assert (await spent(workshop, await workshop.run("golden"))).tokens == tokens

    async def test_a_model_that_said_nothing_for_too_long_may_have_cost_something(self, workshop: Any) -> None:
        stalled = DependencyUnavailable("slow")
        stalled.__cause__ = TimeoutError()
        limited(workshop, RunBudget(day=Bound(tokens=1000)), stalled)
        assert (await spent(workshop, await workshop.run("golden"))).tokens == ESTIMATE

    async def test_an_attempt_that_a_crash_cut_off_counts_beside_the_next_one(self, workshop: Any) -> None:
        async def hang() -> None:
            if script.asked == 1:
                await asyncio.get_running_loop().create_future()

        script = limited(workshop, RunBudget(day=Bound(tokens=1000)), hang, "Because.", ModelPart("", USED))
        accepted = await workshop.ask(workshop.connect(), "golden")
        await workshop.until(lambda: script.asked == 1)
        await workshop.kill()
        client = workshop.connect()
        await workshop.turns.recovery.take_over()
        events = await client.ended(accepted.run_id)
        assert isinstance(events[-1], AgentCompleted)
        assert await spent(workshop, events) == Amount(PRICE * (ESTIMATE + 6), ESTIMATE + 6)
        told = await workshop.log.spending.uses("user_ada")
        assert [(each.attempt, each.is_settled) for each in told] == [(1, False), (2, True)]


class TestWithoutABudget:
    async def test_what_was_used_is_stored_all_the_same(self, workshop: Any) -> None:
        limited(workshop, RunBudget(), "Because.", ModelPart("", {**USED, "cost_usd": "0.25", "model": "mini"}))
        workshop.plans = None
        workshop.open()
        events = await workshop.run("golden")
        assert await spent(workshop, events) == Amount(Decimal("0.25"), 6)
        (use,) = workshop.store.model_uses.values()
        assert (use.model, use.is_settled) == ("mini", True)

    async def test_a_run_that_asks_no_model_stores_nothing(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            await scope.think("hm")
            return AgentResult("done")

        limited(workshop, RunBudget(day=Bound(tokens=0)))
        workshop.agent("quiet", run)
        await workshop.run("quiet")
        assert not workshop.store.model_uses
        assert not workshop.store.spend


async def test_what_a_user_spent_is_settled_before_the_users_end_is_told(workshop: Any) -> None:
    limited(workshop, RunBudget(day=Bound(tokens=1000)))
    client = workshop.connect()
    accepted = await workshop.ask(client, "golden")
    await client.ended(accepted.run_id)
    await workshop.turns.scheduler.end_user("user_ada", "user")
    (use,) = workshop.store.model_uses.values()
    assert use.is_settled
