"""Makes engines: one for each request of a user, from that request's context."""

from __future__ import annotations

import weakref
from typing import Any

from ...core import validation
from ...core.errors import ExecutionEngineFactoryError, FactoryRefused, InvalidContextError
from ...core.identity import BASE_SCOPES
from ...core.plans import Plan
from ...services.user_execution_context import UserExecutionContext, validate_user_context
from ...services.websocket_bridge_factory import WebSocketBridgeFactory
from ..tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from .execution_engine import UserExecutionEngine

__all__ = ["ExecutionEngineFactory", "ExecutionEngineFactoryError"]


class ExecutionEngineFactory:
    """Engines over one bridge. ``configure`` adds the tools; without it engines have none."""

    _ssot_validation_enabled = True

    def __init__(self, websocket_bridge: WebSocketBridgeFactory | None) -> None:
        if websocket_bridge is None:
            raise ExecutionEngineFactoryError(
                "ExecutionEngineFactory requires websocket_bridge during initialization: pass a configured bridge",
                kind="factory_not_configured",
                point=validation.ENGINE_FACTORY_BRIDGE,
            )
        self._bridge = websocket_bridge
        self._dispatchers = UnifiedToolDispatcherFactory()
        self._open: dict[int, weakref.ref[UserExecutionEngine]] = {}
        self._created = 0
        self._refused = 0

    def configure(self, dispatcher_factory: UnifiedToolDispatcherFactory) -> None:
        """Give engines the tools of this factory."""
        self._dispatchers = dispatcher_factory

    async def create_for_user(
        self, context: UserExecutionContext, *, scopes: frozenset[str] = BASE_SCOPES, plan: Plan | None = None
    ) -> UserExecutionEngine:
        """An engine for the request of this context, with the rights of these scopes and what the plan has. Close it.

        Raises ``ExecutionEngineFactoryError``: the context is judged first, then the bridge, then its emitter.
        """
        try:
            validate_user_context(context)
        except InvalidContextError as fault:
            self._refused += 1
            raise ExecutionEngineFactoryError(
                f"Invalid user context for engine creation: {fault.message}",
                kind="invalid_context",
                field=fault.field,
                point=validation.ENGINE_FACTORY_CONTEXT,
            ) from fault
        if getattr(self._bridge, "_ssot_validation_enabled", None) is not True:
            self._refused += 1
            raise ExecutionEngineFactoryError(
                "WebSocket emitter creation failed: the bridge does not validate (WebSocket SSOT validation)",
                point=validation.ENGINE_FACTORY_BRIDGE_CHECK,
            )
        emitter = None
        try:
            emitter = await self._bridge.create_user_emitter(context.user_id, context.thread_id, context.connection_id)
        except FactoryRefused as fault:
            self._refused += 1
            raise ExecutionEngineFactoryError(
                f"WebSocket emitter creation failed: WebSocket SSOT validation: {fault.message}",
                kind=fault.entry.id,
                field=fault.field,
                hint=fault.hint,
                retry_after_ms=fault.retry_after_ms,
                point=validation.ENGINE_FACTORY_EMITTER,
            ) from fault
        dispatcher = self._dispatchers.create_for_request(context, scopes=scopes, plan=plan)
        engine = UserExecutionEngine(context, emitter, dispatcher, self._forget, plan)
        self._open[id(engine)] = weakref.ref(engine)
        self._created += 1
        return engine

    def _forget(self, engine: UserExecutionEngine) -> None:
        self._open.pop(id(engine), None)

    def get_factory_metrics(self) -> dict[str, Any]:
        """Engines made, refused and still open."""
        return {
            "engines_created": self._created,
            "engines_refused": self._refused,
            "engines_active": len(self._open),
        }

    async def cleanup(self) -> None:
        """Close every engine that is still open."""
        for engine in filter(None, [reference() for reference in self._open.values()]):
            engine.close()
