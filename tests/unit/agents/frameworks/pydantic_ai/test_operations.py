"""What pydantic-ai's operations become. The keys of their steps stand in journals: a change of one strands runs that are open."""

from __future__ import annotations

from typing import Any

from mcp.server import MCPServer
from pydantic_ai.capabilities import AbstractCapability, durable_operation
from pydantic_ai.durable_exec import JournalOperationNamer
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.tools import RunContext
from pydantic_ai.toolsets import FunctionToolset

from .conftest import Script, Shop, returned


class Noting(AbstractCapability[Any]):
    """Looks something up before each request to the model."""

    id = "noting"

    def __init__(self, effects: Any) -> None:
        self._effects = effects

    @durable_operation(name="look_up")
    async def look_up(self, ctx: RunContext[Any], what: str) -> str:
        self._effects[f"look up {what}"] += 1
        return what.upper()

    async def before_model_request(self, ctx: RunContext[Any], request_context: Any) -> Any:
        assert await self.look_up(ctx, "rome") == "ROME"
        return request_context


def everything(shop: Shop) -> Script:
    """An agent that has a toolset of each kind, and a capability with an operation of its own."""
    script = Script({"pay": {"amount": 1}, "greet": {"name": "Ada"}, "late": {}, "own": {}}, "Done.")
    server: Any = MCPServer("greeter")

    @server.tool()  # type: ignore[untyped-decorator]
    def greet(name: str) -> str:
        return f"Hello, {name}."

    async def not_much(_: RunContext[Any], amount: int) -> None:
        shop.effects["validated"] += 1

    paying: FunctionToolset[Any] = FunctionToolset()

    @paying.tool_plain
    async def own() -> str:
        return "own"

    agent = shop.agent(script, toolsets=[paying, MCPToolset(server, id="greeter")], capabilities=[Noting(shop.effects)])

    @agent.tool_plain(args_validator=not_much)
    async def pay(amount: int) -> str:
        shop.effects["pay"] += 1
        return "paid"

    @agent.toolset
    def of_the_run(_: RunContext[Any]) -> FunctionToolset[Any]:
        toolset: FunctionToolset[Any] = FunctionToolset()

        @toolset.tool_plain
        def late() -> str:
            return "late"

        return toolset

    shop.serve(agent)
    return script


async def test_the_keys_of_all_steps_are_these(shop: Shop, of: Any) -> None:
    script = everything(shop)
    events = await shop.run()
    assert returned(script.seen[-1]) == {"pay": "paid", "greet": "Hello, Ada.", "late": "late", "own": "own"}
    assert sorted({key for each in events if (key := getattr(each, "step", ""))}) == [
        "model#1",
        "model#2",
        "record:messages#1",
        "step:golden__capability__noting.look_up=run#1",
        "step:golden__capability__noting.look_up=run#2",
        "step:golden__dynamic_toolset__toolset-4.get_tools=run#1",
        "step:golden__dynamic_toolset__toolset-4.get_tools=run#2",
        "step:golden__function_toolset__<agent>.validate_args=call-0-pay#1",
        "step:golden__mcp_server__greeter.get_tools=run#1",
        "tool:greet=call-0-greet#1",
        "tool:late=call-0-late#1",
        "tool:own=call-0-own#1",
        "tool:pay=call-0-pay#1",
    ]


async def test_each_kind_of_operation_is_performed_once(shop: Shop) -> None:
    everything(shop)
    events = await shop.run()
    before = dict(shop.effects)
    assert before == {"pay": 1, "validated": 1, "look up rome": 2}
    async for frames, after in shop.replays(events, len(events) - 1):
        assert frames == len(events) - 1
        assert after[-1].result == events[-1].result
    assert shop.effects == before


def test_names_of_operations_are_those_of_pydantic_ais_journal() -> None:
    from pydantic_ai.durable_exec import (
        CapabilityOperationId,
        EventStreamHandlerId,
        ModelCancelSuspendedResponseId,
        ToolsetGetInstructionsId,
        ToolsetGetToolsId,
        ToolsetValidateToolArgumentsId,
    )

    name = JournalOperationNamer("golden").operation_name
    assert name(ToolsetGetToolsId("mcp", toolset_id="t")) == "golden__mcp_server__t.get_tools"
    assert name(ToolsetGetToolsId("dynamic", toolset_id="t")) == "golden__dynamic_toolset__t.get_tools"
    assert name(ToolsetGetInstructionsId("t")) == "golden__mcp_server__t.get_instructions"
    assert (
        name(ToolsetValidateToolArgumentsId("function", toolset_id="t")) == "golden__function_toolset__t.validate_args"
    )
    assert name(CapabilityOperationId("c", operation="o")) == "golden__capability__c.o"
    assert name(ModelCancelSuspendedResponseId(model_name="m")) == "golden__model.cancel_suspended_response"
    assert name(EventStreamHandlerId()) == "golden__event_stream_handler"
