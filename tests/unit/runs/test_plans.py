"""Runs of users on plans: which agents and tools there are for them, and with which limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.errors import LimitRefused, NotFound
from netra_backend.app.core.events import AgentCancelled, AgentCompleted, ToolCompleted, UserMessage
from netra_backend.app.core.frames import ExecuteAgent
from netra_backend.app.core.limits import USUAL
from netra_backend.app.core.plans import Plan, Plans
from test_framework.counted_tool import Counter, adding

FREE = Plan("free", replace(USUAL, runs=1, run_s=5.0, model_tokens=7), None, frozenset({"small"}), frozenset({"add"}))


@pytest.fixture
async def planned(workshop: Any) -> Any:
    """A server with the plan free, whose users may ask one agent, and a usual one without bounds."""
    workshop.plans = Plans({"free": FREE}, Plan("", USUAL))
    workshop.open()
    return workshop


def agents(workshop: Any) -> None:
    async def small(scope: Any) -> AgentResult:
        return AgentResult("small")

    async def large(scope: Any) -> AgentResult:
        return AgentResult("large")

    workshop.agent("small", small)
    workshop.agent("large", large)


def client_of(workshop: Any, plan: str) -> Any:
    client = workshop.connect(f"user_{plan or 'none'}")
    client.plan = plan
    return client


@pytest.mark.validation_point("plan.agent")
async def test_an_agent_outside_of_the_plan_is_answered_like_one_that_does_not_exist(planned: Any) -> None:
    agents(planned)
    refusals = []
    for name in ("large", "giant"):
        with pytest.raises(NotFound) as refused:
            await planned.turns.start(client_of(planned, "free"), ExecuteAgent(name, "go"))
        told = refused.value
        refusals.append((told.message.replace(name, "…"), told.entry.id, told.hint, told.field))
    assert refusals[0] == refusals[1]
    assert "large" not in refusals[0][0].replace("…", "")
    accepted = await planned.ask(client := client_of(planned, ""), "large")
    assert isinstance((await client.ended(accepted.run_id))[-1], AgentCompleted)


@pytest.mark.validation_point("plan.agent")
@pytest.mark.parametrize("plan", ["", "free"])
async def test_a_sign_in_for_some_agents_asks_these_alone_and_no_others_of_the_plan(planned: Any, plan: str) -> None:
    agents(planned)
    client = client_of(planned, plan)
    client.agents = frozenset({"large"})
    for name in ("small", "giant", *(["large"] if plan else [])):
        with pytest.raises(NotFound) as refused:
            await planned.turns.start(client, ExecuteAgent(name, "go"))
        assert refused.value.entry.id == "unknown_agent"
    client.agents = frozenset({"small"})
    accepted = await planned.ask(client, "small")
    assert isinstance((await client.ended(accepted.run_id))[-1], AgentCompleted)


@pytest.mark.validation_point("plan.agent")
async def test_an_agent_cannot_ask_one_that_its_users_plan_does_not_have(planned: Any) -> None:
    agents(planned)
    told: list[str] = []

    async def run(scope: Any) -> AgentResult:
        for name in ("large", "giant"):
            try:
                await scope.run_agent(name, "go")
            except NotFound as absent:
                told.append(absent.message.replace(name, "…"))
        return AgentResult((await scope.run_agent("small", "go")).text)

    planned.plans = Plans({"free": replace(FREE, agents=frozenset({"small", "asks"}))}, Plan("", USUAL))
    planned.open()
    planned.agent("asks", run)
    client = client_of(planned, "free")
    accepted = await planned.ask(client, "asks")
    ended = (await client.ended(accepted.run_id))[-1]
    assert isinstance(ended, AgentCompleted)
    assert ended.result["text"] == "small"
    assert len(told) == 2
    assert told[0] == told[1]


@pytest.mark.validation_point("plan.tool")
async def test_a_tool_outside_of_the_plan_is_answered_like_one_that_does_not_exist(planned: Any) -> None:
    counter = Counter()
    planned.tool(adding(counter, "add"))
    planned.tool(adding(counter, "pay"))

    async def run(scope: Any) -> AgentResult:
        for name in ("pay", "absent"):
            await scope.use_tool(name, amount=1)
        return AgentResult(str((await scope.use_tool("add", amount=2)).ok))

    planned.agent("small", run, ["add", "pay", "absent"])
    client = client_of(planned, "free")
    accepted = await planned.ask(client, "small")
    events = await client.ended(accepted.run_id)
    hidden, absent, _ = [each for each in events if isinstance(each, ToolCompleted)]
    assert hidden.error is not None
    assert absent.error is not None
    assert {**hidden.error, "message": hidden.error["message"].replace("pay", "absent")} == absent.error
    assert events[-1].result["text"] == "True"
    assert counter.calls == [2]


async def test_the_limits_of_a_plan_are_those_of_its_users_alone(planned: Any, gates: Any) -> None:
    gates.shutting("wait")
    planned.plans = Plans({"free": replace(FREE, agents=None)}, Plan("", USUAL))
    planned.open()
    free, other = client_of(planned, "free"), client_of(planned, "")
    await planned.ask(free, "golden", "wait")
    with pytest.raises(LimitRefused, match="1 runs at a time"):
        await planned.turns.start(free, ExecuteAgent("golden", "wait"))
    for _ in range(2):
        await planned.ask(other, "golden", "wait")
    planned.clock.advance(s=5.0)
    planned.turns.scheduler.tick(planned.clock.monotonic())
    stopped = await free.saw(AgentCancelled)
    assert stopped.by == "timeout"
    assert not [each for each in other.events if isinstance(each, AgentCancelled)]
    gates.open()


async def test_an_answer_has_as_many_tokens_as_the_plan_says_if_the_agent_does_not(planned: Any) -> None:
    class Model:
        name = "model"

        async def stream(self, prompt: str, *, system: str, max_tokens: int) -> Any:
            asked.append(max_tokens)
            return
            yield

    async def run(scope: Any) -> AgentResult:
        return AgentResult((await scope.ask_model("why?")).text)

    asked: list[int] = []
    planned.agent("small", run)
    planned.answer_with(Model())
    client = client_of(planned, "free")
    accepted = await planned.ask(client, "small")
    await client.ended(accepted.run_id)
    assert asked == [7]


async def test_a_run_keeps_its_plan_in_the_next_process(planned: Any, gates: Any) -> None:
    gates.shutting("wait")
    planned.plans = Plans({"free": replace(FREE, agents=frozenset({"golden"}))}, Plan("", USUAL))
    planned.open()
    client = client_of(planned, "free")
    accepted = await planned.ask(client, "golden", "wait")
    await client.saw(UserMessage)
    await planned.kill()
    await planned.turns.recovery.take_over()
    (active,) = planned.turns.scheduler.all()
    assert active.run.run_id == accepted.run_id
    assert active.engine.plan is planned.plans.of("free")
    gates.open()


async def test_a_run_whose_plan_is_gone_goes_on_with_the_usual_one(planned: Any, gates: Any) -> None:
    gates.shutting("wait")
    planned.plans = Plans({"old": replace(FREE, agents=None)}, Plan("", USUAL))
    planned.open()
    await planned.ask(client := client_of(planned, "old"), "golden", "wait")
    await client.saw(UserMessage)
    planned.plans = Plans({}, Plan("", USUAL))
    await planned.kill()
    await planned.turns.recovery.take_over()
    (active,) = planned.turns.scheduler.all()
    assert active.engine.plan is planned.plans.usual
    gates.open()


class TestNobodyNamed:
    """Requests that name no agent."""

    @pytest.fixture
    def three(self, planned: Any) -> Any:
        async def run(scope: Any) -> AgentResult:
            return AgentResult("done")

        for name in ("supervisor", "small", "other"):
            planned.agent(name, run)
        return planned

    @pytest.mark.parametrize(
        ("agents", "asked"), [({"supervisor", "small"}, "supervisor"), ({"small"}, "small"), (None, "supervisor")]
    )
    async def test_the_default_agent_is_asked_or_the_only_one_of_the_plan(
        self, three: Any, agents: set[str] | None, asked: str
    ) -> None:
        three.plans = Plans(
            {"free": replace(FREE, agents=None if agents is None else frozenset(agents))}, Plan("", USUAL)
        )
        three.open()
        client = client_of(three, "free")
        await three.turns.start(client, ExecuteAgent(message="go"))
        events = await client.ended((await client.heard()).run_id)
        assert (events[0].agent, events[1].agent) == (asked, asked)

    @pytest.mark.validation_point("plan.agent")
    async def test_if_the_plan_has_several_others_one_must_be_named(self, three: Any) -> None:
        three.plans = Plans({"free": replace(FREE, agents=frozenset({"small", "other"}))}, Plan("", USUAL))
        three.open()
        client = client_of(three, "free")
        with pytest.raises(NotFound, match=r"no agent named 'supervisor'\. Available agents: small, other"):
            await three.turns.start(client, ExecuteAgent(message="go"))
        assert client.said == []
