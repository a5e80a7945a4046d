"""Toolsets of every kind are recorded, those among them that have no name, or that nobody knows."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic_ai.exceptions import UserError
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset, ToolsetTool

from .conftest import Script, Shop, returned


class OfTheAuthor(AbstractToolset[Any]):
    """A toolset that pydantic-ai knows nothing of."""

    def __init__(self, effects: Any) -> None:
        self._effects = effects
        self._inner: FunctionToolset[Any] = FunctionToolset([self.pay])

    @property
    def id(self) -> str | None:
        return None

    async def pay(self, amount: int) -> str:
        """Pays."""
        self._effects[f"pay {amount}"] += 1
        return "paid"

    async def get_tools(self, ctx: Any) -> dict[str, ToolsetTool[Any]]:
        self._effects["listed"] += 1
        return await self._inner.get_tools(ctx)

    async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: Any, tool: ToolsetTool[Any]) -> Any:
        return await self._inner.call_tool(name, tool_args, ctx, tool)


async def test_a_toolset_that_nobody_knows_is_recorded_too(shop: Shop, of: Any) -> None:
    script = Script({"pay": {"amount": 1}}, "Done.")
    shop.serve(shop.agent(script, toolsets=[OfTheAuthor(shop.effects)]))
    events = await shop.run()
    assert returned(script.seen[-1]) == {"pay": "paid"}
    assert [each.tool for each in of(events, "ToolExecuting")] == ["pay"]
    before = dict(shop.effects)
    async for _, after in shop.replays(events, len(events) - 1):
        assert after[-1].result == events[-1].result
    assert shop.effects == before


async def test_a_prefixed_toolset_without_a_name_has_its_own_names_in_the_log(shop: Shop, of: Any) -> None:
    inner = OfTheAuthor(shop.effects)._inner
    script = Script({"bank_pay": {"amount": 2}}, "Done.")
    shop.serve(shop.agent(script, toolsets=[inner.prefixed("bank")]))
    events = await shop.run()
    assert [each.tool for each in of(events, "ToolExecuting")] == ["bank_pay"]
    assert shop.effects == {"pay 2": 1}


def test_metadata_that_say_nothing_are_found_before_anybody_asks(shop: Shop) -> None:
    agent = shop.agent(Script("fine"))

    @agent.tool_plain(metadata={"netra": {"idempotant": True}})
    def odd() -> str:
        return "x"

    with pytest.raises(UserError, match="idempotant"):
        shop.serve(agent)


def test_an_agent_without_mcp_loads_nothing_of_it() -> None:
    code = """
import sys
from pydantic_ai import Agent
from netra_server.pydantic_ai import serve

agent = Agent("test", name="golden")
serve(agent)()
assert not [name for name in sys.modules if name.partition(".")[0] in ("mcp", "fastmcp")]
"""
    subprocess.run([sys.executable, "-c", code], check=True)
