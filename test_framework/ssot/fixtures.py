"""Contexts for tests, valid, real and forged, and stand-ins for a factory's dependencies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netra_backend.app.agents.supervisor.agent_registry import AgentRegistry
from netra_backend.app.ports import Clock, EventLog, LiveConnection
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.services.websocket_bridge_factory import WebSocketBridgeFactory

from ..ids import new_id

_CONTEXT_FIELDS = ("user_id", "thread_id", "run_id", "request_id")


def _with_new_ids(ids: Mapping[str, Any]) -> dict[str, Any]:
    return {name: new_id(name.removesuffix("_id")) for name in _CONTEXT_FIELDS} | dict(ids)


def create_valid_user_execution_context(**ids: Any) -> UserExecutionContext:
    """A valid context; ids that are not given are new. Takes every field of a context."""
    return UserExecutionContext(**_with_new_ids(ids))


def forge_user_execution_context(**ids: Any) -> UserExecutionContext:
    """A context made around its constructor, as an attacker or a bug would: nothing in it was checked.

    Ids that are not given are new and valid, so a test forges just what it is about.
    """
    forged = object.__new__(UserExecutionContext)
    model = create_valid_user_execution_context()
    values = {"audit_metadata": model.audit_metadata, "connection_id": None} | _with_new_ids(ids)
    for name, value in values.items():
        object.__setattr__(forged, name, value)
    return forged


async def create_real_user_execution_context(db: Any, **ids: Any) -> UserExecutionContext:
    """A valid context whose thread is owned in a real database: the row is written, read back, and made the context.

    ``db`` is an asyncpg connection, such as ``real_services_fixture["db"]``. Raises ``PermissionError`` where the thread is
    owned by another user already.
    """
    wanted = create_valid_user_execution_context(**ids)
    await db.execute("CREATE TABLE IF NOT EXISTS netra_test_thread (thread_id text PRIMARY KEY, user_id text NOT NULL)")
    await db.execute(
        "INSERT INTO netra_test_thread VALUES ($1, $2) ON CONFLICT DO NOTHING", wanted.thread_id, wanted.user_id
    )
    owner = await db.fetchval("SELECT user_id FROM netra_test_thread WHERE thread_id = $1", wanted.thread_id)
    if owner != wanted.user_id:
        raise PermissionError(f"the thread {wanted.thread_id} belongs to another user")
    return wanted


async def create_real_websocket_bridge(
    *, event_log: EventLog | None = None, clock: Clock | None = None
) -> WebSocketBridgeFactory:
    """A bridge over a real pool and a real registry, both empty; without a log and a clock its emitters refuse to emit."""
    from netra_backend.app.websocket_core.websocket_connection_pool import WebSocketConnectionPool

    bridge = WebSocketBridgeFactory()
    bridge.configure(WebSocketConnectionPool(), AgentRegistry(), None, event_log=event_log, clock=clock)
    return bridge


class MockConnectionPool:
    """A pool with the one connection it is given, under every id; with ``None`` no socket is behind it."""

    def __init__(self, websocket: LiveConnection | None = None) -> None:
        self.websocket = websocket

    def find(self, connection_id: str) -> LiveConnection | None:
        """The connection."""
        return self.websocket


class MockAgentRegistry:
    """A registry without agents."""

    def names(self) -> tuple[str, ...]:
        """No names."""
        return ()


class MockWebSocketBridge(WebSocketBridgeFactory):
    """A bridge that is configured over nothing; with ``ssot_compliant=False`` one that says it does not validate."""

    def __init__(self, ssot_compliant: bool = True) -> None:
        super().__init__()
        self._ssot_validation_enabled = ssot_compliant
        self.configure(MockConnectionPool(), MockAgentRegistry(), None)
