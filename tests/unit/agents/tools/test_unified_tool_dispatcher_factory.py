"""Dispatchers: what they call, how they wait, and what they answer."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from netra_backend.app.agents.tools.definition import ForeignTool, Tool, ToolArguments
from netra_backend.app.agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from netra_backend.app.core.errors import ToolError, ToolRefused
from netra_backend.app.core.limits import USUAL
from netra_backend.app.core.plans import Plan
from test_framework.ssot.fixtures import create_valid_user_execution_context


class Nothing(ToolArguments, frozen=True):
    """No arguments."""


async def quick(context: Any, arguments: Any) -> Any:
    return {1: Decimal("0.5"), "user": context.user_id}


async def slow(context: Any, arguments: Any) -> str:
    await asyncio.sleep(0)
    return "after a while"


async def never(context: Any, arguments: Any) -> None:
    await asyncio.Event().wait()


def handed_on(context: Any, arguments: Any) -> Any:
    future = asyncio.get_running_loop().create_future()
    future.set_result("by a future")
    return future


def plain(context: Any, arguments: Any) -> Any:
    return "at once"


async def broken(context: Any, arguments: Any) -> None:
    raise ToolError("NO_DATA", "nothing there", hint="import something")


CALLS = {"quick": quick, "slow": slow, "never": never, "handed_on": handed_on, "plain": plain, "broken": broken}


@pytest.fixture
def factory() -> UnifiedToolDispatcherFactory:
    made = UnifiedToolDispatcherFactory()
    made.configure(Tool(name, "…", Nothing, call, idempotent=True, timeout_s=0.05) for name, call in CALLS.items())
    return made


async def call(factory: UnifiedToolDispatcherFactory, tool: str) -> Any:
    context = create_valid_user_execution_context(user_id="user_123")
    return await factory.create_for_request(context).dispatch_tool({"tool": tool})


@pytest.mark.parametrize(
    ("tool", "answer"),
    [
        ("quick", {"1": "0.5", "user": "user_123"}),
        ("slow", "after a while"),
        ("handed_on", "by a future"),
        ("plain", "at once"),
    ],
)
async def test_a_tool_may_answer_at_once_or_later_and_in_plain_json(
    factory: UnifiedToolDispatcherFactory, tool: str, answer: object
) -> None:
    assert await call(factory, tool) == answer


async def test_a_tool_that_takes_too_long_is_ended(factory: UnifiedToolDispatcherFactory) -> None:
    with pytest.raises(ToolError, match="never did not finish within") as fault:
        await call(factory, "never")
    assert fault.value.code == "TOOL_TIMEOUT"


async def test_a_tools_own_answer_passes_through(factory: UnifiedToolDispatcherFactory) -> None:
    with pytest.raises(ToolError, match="nothing there") as fault:
        await call(factory, "broken")
    assert fault.value.code == "NO_DATA"


def test_two_tools_of_one_name_are_a_fault_of_ours(factory: UnifiedToolDispatcherFactory) -> None:
    with pytest.raises(ValueError, match="a tool named 'quick' is already registered"):
        factory.configure([Tool("quick", "again", Nothing, quick, idempotent=True)])


def test_a_plan_has_the_tools_that_it_names_and_no_others(factory: UnifiedToolDispatcherFactory) -> None:
    name, *others = factory.names()
    assert others
    plan = Plan("free", USUAL, tools=frozenset({name}))
    assert [tool["name"] for tool in factory.describe(plan)] == [name]
    assert [tool["name"] for tool in factory.describe(Plan("all", USUAL))] == list(factory.names())


async def test_the_tools_are_described_counted_and_forgotten(factory: UnifiedToolDispatcherFactory) -> None:
    described = {tool["name"]: tool for tool in factory.describe()}
    assert set(described) == set(CALLS)
    assert described["quick"]["permission"] == "usage"
    assert described["quick"]["arguments"]["$ref"]
    factory.create_for_request(create_valid_user_execution_context())
    assert factory.get_factory_metrics() == {"tools": len(CALLS), "dispatchers_created": 1}
    await factory.cleanup()
    assert factory.describe() == []


def test_a_tool_that_says_why_it_asks_is_described_as_one_that_asks() -> None:
    factory = UnifiedToolDispatcherFactory()
    factory.configure([Tool("quick", "It asks.", Nothing, quick, approval="It moves money.")])
    assert [described["approval"] for described in factory.describe()] == [True]


async def test_a_tool_of_a_framework_may_judge_its_arguments(factory: UnifiedToolDispatcherFactory) -> None:
    dispatcher = factory.create_for_request(create_valid_user_execution_context())
    tool = ForeignTool("pay", "…", quick, judge=lambda given: "" if given.get("amount") else "amount is missing")
    assert dispatcher.fitting(tool, {"amount": 1}) == {"amount": 1}
    with pytest.raises(ToolRefused, match="not valid: amount is missing"):
        dispatcher.fitting(tool, {})
    dispatcher.close()


def test_the_tools_that_a_request_may_use_are_those_of_its_agent_its_user_and_its_plan(
    factory: UnifiedToolDispatcherFactory,
) -> None:
    dispatcher = factory.create_for_request(create_valid_user_execution_context())
    names = [tool.name for tool in dispatcher.usable()]
    assert names == sorted(factory.names())
    dispatcher.restrict(frozenset(names[1:]))
    assert [tool.name for tool in dispatcher.usable()] == names[1:]
