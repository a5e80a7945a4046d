"""What a server counts, read where it is counted: plain integers, so that counting costs the hot path nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..agents.supervisor.execution_engine_factory import ExecutionEngineFactory
from ..agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from ..ports import Audit, EventLog, Ledger
from ..runs.service import RunService
from ..services.audit_trail import AuditTrail
from ..services.websocket_bridge_factory import WebSocketBridgeFactory
from ..web.sockets.connection_handler import ConnectionHandler
from ..websocket_core.websocket_connection_pool import WebSocketConnectionPool
from ..websocket_core.websocket_manager_factory import WebSocketManagerFactory


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Reads what the parts of one server count."""

    log: EventLog
    ledger: Ledger
    audit: Audit
    audit_trail: AuditTrail
    runs: RunService
    pool: WebSocketConnectionPool
    bridge: WebSocketBridgeFactory
    engines: ExecutionEngineFactory
    dispatchers: UnifiedToolDispatcherFactory
    managers: WebSocketManagerFactory
    connections: ConnectionHandler
    counters: Mapping[str, Callable[[], Mapping[str, int]]]
    """What further parts count, by the part's name."""
    optional_dependencies: Mapping[str, Callable[[], bool]]
    """Whether each dependency that the server can do without is up."""

    def totals(self) -> dict[str, int]:
        """What has happened since the start, by name."""
        bridge, pool = self.bridge.get_factory_metrics(), self.pool.get_factory_metrics()
        engines, managers = self.engines.get_factory_metrics(), self.managers.get_factory_metrics()
        return {
            "events": bridge["events_sent"],
            "events_refused": bridge["events_refused"],
            "events_repaired": self.bridge.events_repaired,
            "events_delivered": pool["events_delivered"],
            "runs_started": self.runs.scheduler.started,
            "runs_taken_over": self.runs.recovery.taken_over,
            "runs_crashed": self.runs.scheduler.crashed,
            "engines_created": engines["engines_created"],
            "engines_refused": engines["engines_refused"],
            "dispatchers_created": self.dispatchers.get_factory_metrics()["dispatchers_created"],
            "emitters_created": bridge["emitters_created"],
            "connections_accepted": managers["managers_created"],
            "connections_refused": managers["managers_refused"],
            "refusals": sum(self.audit_trail.refusals.values()),
            **_prefixed("log", self.log.counts()),
            **_prefixed("ledger", self.ledger.counts()),
            **_prefixed("audit", self.audit.counts()),
            **{name: count for part, read in self.counters.items() for name, count in _prefixed(part, read()).items()},
        }

    def gauges(self) -> dict[str, int]:
        """What there is at this moment, by name."""
        pool = self.pool.get_factory_metrics()
        runs = self.runs.scheduler.all()
        return {
            "connections": pool["connections"],
            "users_connected": pool["users"],
            "runs": sum(run.task is not None for run in runs),
            "runs_queued": sum(run.task is None for run in runs),
            "emitters": self.bridge.get_factory_metrics()["emitters_active"],
            "outbox_bytes": sum(connection.outbox.bytes for connection in self.connections),
            "draining": int(self.connections.is_draining),
            **{f"{part}_up": int(is_up()) for part, is_up in self.optional_dependencies.items()},
        }


def _prefixed(part: str, counts: Mapping[str, int]) -> dict[str, int]:
    return {f"{part}_{name}": count for name, count in counts.items()}
