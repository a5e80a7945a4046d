"""The counting tool, and the words about events."""

from __future__ import annotations

from netra_backend.app.core.events import AgentThinking, AnyEvent, ToolCompleted
from test_framework.counted_tool import Amount, Counter, adding, codes_of, kinds
from test_framework.ssot.fixtures import create_valid_user_execution_context


async def test_every_call_is_counted() -> None:
    counter, seen = Counter(), []

    async def before() -> None:
        seen.append(len(counter.calls))

    counter.before = before
    tool = adding(counter, "pay", idempotent=False)
    context = create_valid_user_execution_context()
    assert [await tool.call(context, Amount(n)) for n in (3, 4)] == [{"sum": 3}, {"sum": 7}]
    assert (counter.calls, seen, tool.name, tool.idempotent) == ([3, 4], [1, 2], "pay", False)


def test_events_are_told_by_type_and_calls_by_what_they_came_to() -> None:
    well = ToolCompleted("thr_1", "run_1", 2, 0, "call_1", "add", True, 0, result=1)
    ill = ToolCompleted("thr_1", "run_1", 3, 0, "call_2", "add", False, 0, error={"code": "NO_DATA"})
    events: list[AnyEvent] = [AgentThinking("thr_1", "run_1", 1, 0, "hm"), well, ill]
    assert kinds(events) == ["AgentThinking", "ToolCompleted", "ToolCompleted"]
    assert codes_of(events) == [None, "NO_DATA"]
