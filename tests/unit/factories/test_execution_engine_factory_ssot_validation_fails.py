"""The engine factory needs a bridge that validates and a context that holds; the context is judged first."""

from __future__ import annotations

import re

import pytest

from netra_backend.app.agents.supervisor.execution_engine_factory import (
    ExecutionEngineFactory,
    ExecutionEngineFactoryError,
)
from netra_backend.app.agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from netra_backend.app.core import validation
from test_framework.base_ssot_test import BaseSSotValidationTest
from test_framework.ssot.fixtures import (
    MockWebSocketBridge,
    create_valid_user_execution_context,
    forge_user_execution_context,
)
from test_framework.ssot.ssot_validation_helpers import assert_ssot_validation_failure


class TestExecutionEngineFactorySSotValidation(BaseSSotValidationTest):
    @pytest.mark.validation_point("engine_factory.bridge")
    def test_no_factory_is_made_without_a_bridge(self) -> None:
        with pytest.raises(
            ExecutionEngineFactoryError,
            match="ExecutionEngineFactory requires websocket_bridge during initialization",
        ) as refused:
            ExecutionEngineFactory(websocket_bridge=None)
        assert refused.value.point is validation.ENGINE_FACTORY_BRIDGE

    @pytest.mark.validation_point("engine_factory.context")
    @pytest.mark.parametrize(
        "violation",
        ["placeholder_user_id", "registry_thread_id", "default_run_id", "temp_request_id", "empty_values"],
    )
    @assert_ssot_validation_failure("Invalid user context for engine creation")
    async def test_a_forged_context_gives_no_engine(self, violation: str) -> None:
        factory = ExecutionEngineFactory(websocket_bridge=MockWebSocketBridge())
        await factory.create_for_user(self.create_ssot_violating_user_context(violation))

    @pytest.mark.validation_point("engine_factory.context")
    @pytest.mark.parametrize("forged", [None, "user_123", forge_user_execution_context(audit_metadata=None)])
    @assert_ssot_validation_failure("Invalid user context for engine creation")
    async def test_what_is_no_whole_context_gives_no_engine(self, forged: object) -> None:
        await ExecutionEngineFactory(websocket_bridge=MockWebSocketBridge()).create_for_user(forged)  # type: ignore[arg-type]

    @pytest.mark.validation_point("engine_factory.bridge_check")
    async def test_a_bridge_that_does_not_validate_gives_no_engine(self) -> None:
        factory = ExecutionEngineFactory(websocket_bridge=MockWebSocketBridge(ssot_compliant=False))
        with pytest.raises(ExecutionEngineFactoryError, match=r"WebSocket.*SSOT.*validation") as refused:
            await factory.create_for_user(create_valid_user_execution_context())
        assert "WebSocket emitter creation failed" in str(refused.value)
        assert refused.value.point is validation.ENGINE_FACTORY_BRIDGE_CHECK
        assert factory.get_factory_metrics() == {"engines_created": 0, "engines_refused": 1, "engines_active": 0}

    @pytest.mark.validation_point("engine_factory.emitter")
    async def test_a_bridge_that_makes_no_emitter_gives_no_engine(self) -> None:
        factory = ExecutionEngineFactory(websocket_bridge=MockWebSocketBridge())
        seen = ""
        try:
            await factory.create_for_user(create_valid_user_execution_context(connection_id="conn_789"))
        except ExecutionEngineFactoryError as refusal:
            seen = str(refusal)
        assert "WebSocket emitter creation failed" in seen
        assert re.search(r"WebSocket.*SSOT.*validation", seen)
        assert "No active WebSocket connection found" in seen

    @pytest.mark.validation_point("engine_factory.context")
    async def test_the_context_is_judged_before_the_bridge(self) -> None:
        factory = ExecutionEngineFactory(websocket_bridge=MockWebSocketBridge(ssot_compliant=False))
        with pytest.raises(ExecutionEngineFactoryError, match="Invalid user context for engine creation"):
            await factory.create_for_user(self.create_ssot_violating_user_context("placeholder_user_id"))

    async def test_an_engine_holds_one_users_objects(self) -> None:
        factory = ExecutionEngineFactory(websocket_bridge=MockWebSocketBridge())
        mine, other = create_valid_user_execution_context(), create_valid_user_execution_context()
        async with await factory.create_for_user(mine) as engine, await factory.create_for_user(other) as second:
            assert engine.context is mine
            assert (engine.emitter.user_id, engine.emitter.thread_id) == (mine.user_id, mine.thread_id)
            assert engine._get_tool_dispatcher().user_context == mine
            assert engine._get_tool_dispatcher() is not second._get_tool_dispatcher()
            assert engine.emitter is not second.emitter
            assert factory.get_factory_metrics()["engines_active"] == 2
        assert engine.emitter.is_closed
        assert factory.get_factory_metrics() == {"engines_created": 2, "engines_refused": 0, "engines_active": 0}

    async def test_cleanup_closes_every_engine(self) -> None:
        factory = ExecutionEngineFactory(websocket_bridge=MockWebSocketBridge())
        factory.configure(UnifiedToolDispatcherFactory())
        engine = await factory.create_for_user(create_valid_user_execution_context())
        await factory.cleanup()
        await factory.cleanup()
        assert engine.emitter.is_closed
        assert factory.get_factory_metrics()["engines_active"] == 0

    def test_the_factory_complies(self) -> None:
        factory = ExecutionEngineFactory(websocket_bridge=MockWebSocketBridge())
        assert self.ssot_tester.validate_factory_ssot_compliance(factory).is_valid


async def test_a_leaked_engine_warns() -> None:
    factory = ExecutionEngineFactory(websocket_bridge=MockWebSocketBridge())
    engine = await factory.create_for_user(create_valid_user_execution_context())
    with pytest.warns(ResourceWarning, match="was never closed"):
        del engine
    await factory.cleanup()
