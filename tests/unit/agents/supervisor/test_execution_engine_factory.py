"""Engines over a configured factory: their tools, their rights, and their count."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.agents.supervisor.execution_engine_factory import ExecutionEngineFactory
from netra_backend.app.agents.tools.definition import Tool, ToolArguments
from netra_backend.app.agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from netra_backend.app.core.errors import ToolRefused
from test_framework.ssot.fixtures import MockWebSocketBridge, create_valid_user_execution_context


class Nothing(ToolArguments, frozen=True):
    """No arguments."""


async def whose(context: Any, arguments: Any) -> str:
    return str(context.user_id)


async def test_an_engines_tools_are_those_of_the_configured_factory_with_the_given_rights() -> None:
    dispatchers = UnifiedToolDispatcherFactory()
    dispatchers.configure(
        [
            Tool("whose", "…", Nothing, whose, idempotent=True),
            Tool("ruling", "…", Nothing, whose, permission="admin", idempotent=True),
        ]
    )
    factory = ExecutionEngineFactory(MockWebSocketBridge())
    factory.configure(dispatchers)
    context = create_valid_user_execution_context()
    async with await factory.create_for_user(context) as engine:
        dispatcher = engine._get_tool_dispatcher()
        assert await dispatcher.dispatch_tool({"tool": "whose"}) == context.user_id
        with pytest.raises(ToolRefused, match="You cannot use ruling here"):
            await dispatcher.dispatch_tool({"tool": "ruling"})
    async with await factory.create_for_user(context, scopes=frozenset({"admin"})) as engine:
        assert await engine._get_tool_dispatcher().dispatch_tool({"tool": "ruling"}) == context.user_id


async def test_an_unconfigured_factory_makes_engines_without_tools() -> None:
    factory = ExecutionEngineFactory(MockWebSocketBridge())
    async with await factory.create_for_user(create_valid_user_execution_context()) as engine:
        with pytest.raises(ToolRefused, match="There is no tool"):
            await engine._get_tool_dispatcher().dispatch_tool({"tool": "whose"})


async def test_only_open_engines_are_closed_by_cleanup() -> None:
    factory = ExecutionEngineFactory(MockWebSocketBridge())
    closed = await factory.create_for_user(create_valid_user_execution_context())
    closed.close()
    open_ = await factory.create_for_user(create_valid_user_execution_context())
    assert factory.get_factory_metrics()["engines_active"] == 1
    await factory.cleanup()
    assert open_.emitter.is_closed
    assert factory.get_factory_metrics() == {"engines_created": 2, "engines_refused": 0, "engines_active": 0}
