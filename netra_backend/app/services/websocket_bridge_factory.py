"""Makes emitters: the bridge from a user's run to that user's connections, by way of the event log."""

from __future__ import annotations

from typing import Any, Protocol

from ..core import validation
from ..core.errors import FactoryRefused, InvalidContextError
from ..core.ids import check_id
from ..core.limits import USUAL, Limits
from ..ports import AgentRegistry, Clock, ConnectionPool, EventLog
from .event_emitter import UserEventEmitter


class HealthMonitor(Protocol):
    """What knows how the server is."""

    def healthy(self) -> bool:
        """Whether the server may take work; ``False`` refuses new emitters."""


class WebSocketBridgeFactory:
    """Emitters for one user, one thread and one live connection each. ``configure`` comes first."""

    _ssot_validation_enabled = True

    def __init__(self) -> None:
        self._pool: ConnectionPool | None = None
        self._registry: AgentRegistry | None = None
        self._health: HealthMonitor | None = None
        self._log: EventLog | None = None
        self._clock: Clock | None = None
        self._active: set[UserEventEmitter] = set()
        self._created = 0
        self._sent = 0
        self._repaired = 0
        self._refused = 0
        self._limits = USUAL
        self._status = "not_configured"

    def configure(
        self,
        connection_pool: ConnectionPool,
        agent_registry: AgentRegistry,
        health_monitor: HealthMonitor | None,
        *,
        event_log: EventLog | None = None,
        clock: Clock | None = None,
        limits: Limits = USUAL,
    ) -> None:
        """Give the factory what it works with. Emitters made without an ``event_log`` and ``clock`` refuse to emit."""
        self._pool = connection_pool
        self._registry = agent_registry
        self._health = health_monitor
        self._log = event_log
        self._clock = clock
        self._limits = limits
        self._status = "passed"

    async def create_user_emitter(self, user_id: str, thread_id: str, connection_id: str | None) -> UserEventEmitter:
        """An emitter for this user's thread, for a request that came over this connection.

        ``connection_id`` ``None`` is a run without a socket. Raises ``FactoryRefused``: not configured, an invalid id, an
        unhealthy server, or no live connection of this user with that id (whose it is, is not disclosed).
        """
        if self._pool is None:
            raise FactoryRefused(
                "Factory not configured - call configure() first",
                kind="factory_not_configured",
                point=validation.BRIDGE_CONFIGURED,
            )
        try:
            check_id("user_id", user_id)
            check_id("thread_id", thread_id)
            if connection_id is not None:
                check_id("connection_id", connection_id)
        except InvalidContextError as fault:
            self._fail("bridge.ids")
            raise FactoryRefused(
                f"Factory SSOT validation failed: {fault.message}",
                kind="invalid_context",
                field=fault.field,
                point=validation.BRIDGE_IDS,
            ) from fault
        if self._health is not None and not self._health.healthy():
            self._fail("bridge.health")
            raise FactoryRefused(
                "Factory SSOT validation failed: the server is not healthy",
                kind="dependency_unavailable",
                retry_after_ms=1000,
                point=validation.BRIDGE_HEALTH,
            )
        if connection_id is not None:
            connection = self._pool.find(connection_id) if self._pool is not None else None
            if connection is None or not connection.is_live or connection.user_id != user_id:
                self._fail("bridge.connection")
                raise FactoryRefused(
                    "No active WebSocket connection found: connect to /ws/{user_id} first, or resume the run without one",
                    field="connection_id",
                    point=validation.BRIDGE_CONNECTION,
                )
        emitter = UserEventEmitter(
            user_id,
            thread_id,
            connection_id,
            self._log,
            self._clock,
            self._closed,
            most_bytes=self._limits.event_bytes,
            most_ahead_bytes=self._limits.run_ahead_bytes,
        )
        self._created += 1
        self._active.add(emitter)
        return emitter

    def _fail(self, point: str) -> None:
        self._status = f"failed: {point}"

    def _closed(self, emitter: UserEventEmitter) -> None:
        self._active.discard(emitter)
        self._sent += emitter.sent
        self._repaired += emitter.repaired
        self._refused += emitter.rejected_count

    @property
    def events_repaired(self) -> int:
        """Events since the start in which halves of surrogate pairs became U+FFFD."""
        return self._repaired + sum(emitter.repaired for emitter in self._active)

    def get_factory_metrics(self) -> dict[str, Any]:
        """Counts since the start; ``ssot_validation_status`` is not_configured, passed, or failed: <the last point>."""
        return {
            "emitters_created": self._created,
            "emitters_active": len(self._active),
            "emitters_closed": self._created - len(self._active),
            "events_sent": self._sent + sum(emitter.sent for emitter in self._active),
            "events_refused": self._refused + sum(emitter.rejected_count for emitter in self._active),
            "ssot_validation_status": self._status,
        }

    async def cleanup(self) -> None:
        """Close every emitter. The factory may be used again."""
        for emitter in list(self._active):
            emitter.close()
