"""What an agent asks of other agents, and reads of its thread."""

from __future__ import annotations

from typing import Any

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.events import (
    AgentCompleted,
    AgentFailed,
    AgentThinking,
)
from test_framework.counted_tool import Counter, adding, codes_of, kinds, uninterrupted


def data_of(events: list[Any]) -> Any:
    assert isinstance(events[-1], AgentCompleted), events[-1]
    return events[-1].result["data"]


class TestOtherAgents:
    async def test_an_agent_asks_another_with_the_rights_of_both(self, workshop: Any, witness: Any) -> None:
        async def inner(scope: Any) -> AgentResult:
            await scope.think(f"inner {scope.message}")
            allowed = await scope.use_tool("add", amount=3)
            refused = await scope.use_tool("pay", amount=3)
            return AgentResult("inner end", {"came": [allowed.ok, refused.error["code"]]})

        async def outer(scope: Any) -> AgentResult:
            result = await scope.run_agent("inner", "hello")
            await scope.think("outer")
            return AgentResult(result.text, result.data)

        counter = Counter()
        workshop.tool(adding(counter))
        workshop.tool(adding(counter, "pay"))
        workshop.agent("inner", inner, ["add", "pay"])
        workshop.agent("golden", outer, ["add"])
        events = await workshop.run("golden")
        assert data_of(events) == {"came": [True, "TOOL_NOT_ALLOWED"]}
        started, thought = events[2], events[3]
        assert (started.kind, started.name, started.step) == ("agent", "inner", "agent:inner#1")
        assert (thought.text, thought.step, thought.parent_call_id) == (
            "inner hello",
            "agent.inner.1/think#1",
            started.call_id,
        )
        assert [event.parent_call_id for event in events if isinstance(event, AgentThinking)] == [started.call_id, ""]
        assert sum(kind in ("AgentCompleted", "AgentFailed", "AgentCancelled") for kind in kinds(events)) == 1
        for frames in range(2, len(events)):
            counter.calls.clear()
            client = await workshop.killed_after(events, "user_ada", frames)
            await client.ended(events[0].run_id)
            stored = await workshop.stored(events[0].run_id)
            assert uninterrupted(stored) == kinds(events)
            assert data_of(stored) == data_of(events)

    async def test_agents_that_ask_each_other_without_end_are_stopped(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            return AgentResult((await scope.run_agent("golden", "again")).text)

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert isinstance(events[-1], AgentFailed)
        assert kinds(events).count("StepStarted") == 7

    async def test_there_is_no_agent_of_that_name(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            return AgentResult((await scope.run_agent("nobody", "hello")).text)

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert (events[-1].error, codes_of(events)) == ("unknown_agent", [])


class TestMessages:
    async def test_all_earlier_messages_are_read_whole(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            told = [(each.role, each.text, each.parts[0]["text"]) async for each in scope.messages]
            return AgentResult(f"answer to {scope.message}", {"told": told, "user": scope.context.user_id})

        workshop.agent("golden", run)
        client = workshop.connect()
        for message in ("one", "two"):
            accepted = await workshop.ask(client, "golden", message, thread_id="thr_1")
            events = await client.ended(accepted.run_id)
        assert events[-1].result["data"] == {
            "told": [["user", "one", "one"], ["agent", "answer to one", "answer to one"]],
            "user": "user_ada",
        }
