"""Factories together, on a real database and a real Redis: a bad part is refused where it enters, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from netra_backend.app.agents.supervisor.execution_engine_factory import (
    ExecutionEngineFactory,
    ExecutionEngineFactoryError,
)
from netra_backend.app.agents.tools.definition import Tool, ToolArguments
from netra_backend.app.agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from netra_backend.app.core.errors import FactoryRefused, SSotIsolationError
from netra_backend.app.services.websocket_bridge_factory import WebSocketBridgeFactory
from netra_backend.app.websocket_core.websocket_connection_pool import WebSocketConnectionPool
from test_framework.base_integration_test import BaseIntegrationTest
from test_framework.base_ssot_test import BaseSSotValidationTest
from test_framework.ids import new_id
from test_framework.ssot.fixtures import (
    MockAgentRegistry,
    create_real_user_execution_context,
    create_real_websocket_bridge,
    forge_user_execution_context,
)


@dataclass
class Member:
    """A connection in a real pool."""

    connection_id: str
    user_id: str
    is_live: bool = True

    def deliver(self, owner: str, thread_id: str, first: int, frames: Any) -> bool:
        return False

    def flush(self) -> None: ...


class Nothing(ToolArguments, frozen=True):
    """No arguments."""


@pytest.mark.real_services
class TestFactoryIntegrationSSotValidationFailures(BaseIntegrationTest, BaseSSotValidationTest):
    @pytest.fixture(autouse=True)
    def real(self, real_services_fixture: dict[str, Any]) -> None:
        self.db, self.redis = real_services_fixture["db"], real_services_fixture["redis"]

    def engines_over(self, bridge: WebSocketBridgeFactory, *tools: Tool[Any]) -> ExecutionEngineFactory:
        dispatchers = UnifiedToolDispatcherFactory()
        dispatchers.configure(tools)
        engines = self.closing(ExecutionEngineFactory(websocket_bridge=bridge))
        engines.configure(dispatchers)
        return engines

    async def test_an_engine_is_made_for_a_context_whose_thread_the_database_owns(self) -> None:
        context = await create_real_user_execution_context(db=self.db)
        await self.redis.set(f"{context.user_id}:presence", context.request_id)
        engine = await self.engines_over(await create_real_websocket_bridge()).create_for_user(context)
        assert engine.context.user_id == await self.db.fetchval(
            "SELECT user_id FROM netra_test_thread WHERE thread_id = $1", engine.emitter.thread_id
        )
        assert await self.redis.get(f"{engine.emitter.user_id}:presence") == context.request_id

    @pytest.mark.validation_point("engine_factory.context")
    @pytest.mark.parametrize("violation", ["placeholder_user_id", "registry_thread_id", "empty_values"])
    async def test_a_real_context_that_was_forged_afterwards_gives_no_engine(self, violation: str) -> None:
        context = await create_real_user_execution_context(db=self.db)
        ids = {"user_id": context.user_id, "thread_id": context.thread_id, "run_id": context.run_id}
        forged = forge_user_execution_context(**(ids | self.ssot_tester.create_ssot_violating_context(violation)))
        with pytest.raises(ExecutionEngineFactoryError, match="Invalid user context for engine creation"):
            await self.engines_over(await create_real_websocket_bridge()).create_for_user(forged)

    @pytest.mark.validation_point("engine_factory.emitter")
    async def test_a_bridge_that_was_never_configured_gives_no_engine(self) -> None:
        context = await create_real_user_execution_context(db=self.db)
        seen = ""
        try:
            await self.engines_over(WebSocketBridgeFactory()).create_for_user(context)
        except ExecutionEngineFactoryError as refusal:
            seen = str(refusal)
        assert "WebSocket emitter creation failed" in seen
        assert "Factory not configured" in seen

    @pytest.mark.validation_point("bridge.connection")
    async def test_the_bridge_asks_the_real_pool_whose_connection_it_is(self) -> None:
        mine = await create_real_user_execution_context(db=self.db, connection_id=new_id("conn"))
        pool = WebSocketConnectionPool()
        bridge = WebSocketBridgeFactory()
        bridge.configure(pool, MockAgentRegistry(), None)
        arguments = (mine.user_id, mine.thread_id, mine.connection_id)
        with pytest.raises(FactoryRefused, match="No active WebSocket connection found"):
            await bridge.create_user_emitter(*arguments)
        member = Member(str(mine.connection_id), new_id("user"))
        pool.add(member)
        with pytest.raises(FactoryRefused, match="No active WebSocket connection found"):
            await bridge.create_user_emitter(*arguments)
        pool.remove(member)
        pool.add(Member(str(mine.connection_id), mine.user_id))
        assert (await bridge.create_user_emitter(*arguments)).user_id == mine.user_id

    @pytest.mark.validation_point("pool.owner")
    async def test_a_connection_id_in_the_pool_cannot_be_taken_over(self) -> None:
        pool = WebSocketConnectionPool()
        victim = Member(new_id("conn"), new_id("user"))
        pool.add(victim)
        with pytest.raises(SSotIsolationError, match="a connection with this id already exists"):
            pool.add(Member(victim.connection_id, new_id("user")))
        assert pool.find(victim.connection_id) is victim

    @pytest.mark.validation_point("dispatcher.context", "dispatcher.user")
    async def test_the_dispatcher_of_one_engine_does_not_serve_the_context_of_another(self) -> None:
        served: list[str] = []

        async def note(context: Any, arguments: Any) -> str:
            served.append(context.user_id)
            return "done"

        engines = self.engines_over(
            await create_real_websocket_bridge(), Tool("note", "Notes.", Nothing, note, idempotent=True)
        )
        one = await engines.create_for_user(await create_real_user_execution_context(db=self.db))
        two = await engines.create_for_user(await create_real_user_execution_context(db=self.db))
        dispatcher = one._get_tool_dispatcher()
        with pytest.raises(SSotIsolationError, match=r"Context mismatch.*SSOT isolation"):
            await dispatcher.dispatch_tool({"tool": "note", "context": two.context})
        with pytest.raises(PermissionError, match="SSOT permission validation failed"):
            await dispatcher.dispatch_tool({"tool": "note", "user_id": two.context.user_id})
        assert served == []
        assert await dispatcher.dispatch_tool({"tool": "note", "context": one.context}) == "done"
        assert served == [one.context.user_id]
