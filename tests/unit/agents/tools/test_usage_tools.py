"""The usage tools over a ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, get_args

import msgspec
import pytest

from netra_backend.app.agents.tools.definition import Tool
from netra_backend.app.agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from netra_backend.app.agents.tools.usage_tools import DimensionName, LeverName, usage_tools
from netra_backend.app.core.errors import ToolError, ToolRefused
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.usage.questions import QUESTIONS
from netra_backend.app.usage.savings import LEVERS
from netra_backend.app.usage.summary import DIMENSIONS

Call = Callable[..., Awaitable[Any]]


class RecordingLedger:
    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []

    async def ask(self, owner: str, question: str, arguments: Any) -> Any:
        self.asked.append((owner, question, arguments))
        return {"answered": question}


def tools_over(ledger: RecordingLedger) -> tuple[Tool[Any], ...]:
    answering: Any = ledger  # of all that a ledger does, they ask only
    return usage_tools(answering)


@pytest.fixture
def ledger() -> RecordingLedger:
    return RecordingLedger()


@pytest.fixture
def call(ledger: RecordingLedger) -> Call:
    factory = UnifiedToolDispatcherFactory()
    factory.configure(tools_over(ledger))
    dispatcher = factory.create_for_request(UserExecutionContext("user_7", "thread_1", "run_1", "req_1"))

    async def dispatch(tool: str, **arguments: Any) -> Any:
        return await dispatcher.dispatch_tool({"tool": tool, "arguments": arguments})

    return dispatch


async def test_whose_data_is_asked_comes_from_the_context(call: Call, ledger: RecordingLedger) -> None:
    await call("cost_summary", team="search", period={"from": "2026-11-01T00:00:00", "to": "2026-11-08T00:00:00Z"})
    assert ledger.asked == [
        (
            "user_7",
            "cost_summary",
            {"team": "search", "period": {"from": "2026-11-01T00:00:00", "to": "2026-11-08T00:00:00Z"}},
        )
    ]


@pytest.mark.parametrize("argument", ["user_id", "owner", "sql"])
async def test_no_argument_can_name_an_owner(call: Call, ledger: RecordingLedger, argument: str) -> None:
    with pytest.raises(ToolRefused) as caught:
        await call("cost_summary", **{argument: "user_8"})
    assert caught.value.code == "INVALID_ARGUMENTS"
    assert ledger.asked == []


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("estimate_savings", {"levers": ["magic"]}),
        ("estimate_savings", {"evaluated_share": 1.1}),
        ("combine_savings", {"batch_features": ["x"] * 101}),
        ("cost_summary", {"limit": 101}),
        ("cost_summary", {"group_by": ["password"]}),
        ("cost_summary", {"team": "t" * 257}),
        ("cost_summary", {"period": {"from": "yesterday"}}),
        ("what_if", {"volume_factor": -1}),
        ("forecast_spend", {"budget_usd": 0}),
        ("price_lookup", {"models": [], "at": "2026-11-01T00:00:00Z"}),
        ("price_lookup", {"models": ["gpt-4o"]}),
        ("database_query", {"limit": 0}),
    ],
)
async def test_arguments_out_of_bounds_are_refused_before_anything_is_asked(
    call: Call, ledger: RecordingLedger, tool: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ToolRefused):
        await call(tool, **arguments)
    assert ledger.asked == []


async def test_prices_are_looked_up_without_any_data(call: Call, ledger: RecordingLedger) -> None:
    answer = await call("price_lookup", models=["gpt-4o"], at="2026-11-02T12:00:00")
    assert answer["models"][0]["usd_per_million"]["standard"][0]["output"] == "10"
    assert ledger.asked == []


async def test_an_ambiguous_name_is_a_typed_fault(call: Call) -> None:
    with pytest.raises(ToolError) as caught:
        await call("price_lookup", models=["haiku"], at="2026-11-02T00:00:00Z")
    assert caught.value.code == "AMBIGUOUS_MODEL"


def test_every_tool_is_a_question_that_exists_and_may_be_asked_again() -> None:
    tools = tools_over(RecordingLedger())
    assert {tool.name for tool in tools} - {"price_lookup"} <= set(QUESTIONS)
    assert all(tool.idempotent and tool.needed_scope == "usage" for tool in tools)
    for tool in tools:
        assert msgspec.json.schema(tool.arguments)


def test_the_closed_lists_of_the_schemas_are_those_of_the_answers() -> None:
    assert set(get_args(LeverName)) == {lever.name for lever in LEVERS}
    assert set(get_args(DimensionName)) == set(DIMENSIONS)
