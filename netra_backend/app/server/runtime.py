"""What a running server is made of. Made by ``wiring``, handed to the doors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..agents.supervisor.agent_registry import AgentRegistry
from ..agents.supervisor.execution_engine_factory import ExecutionEngineFactory
from ..agents.supervisor.run_services import RunServices
from ..agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from ..config import Settings
from ..core.limits import Quotas
from ..ports import Audit, Clock, EventLog, Ledger
from ..runs.service import RunService
from ..services.audit_trail import AuditTrail
from ..services.authentication import Authentication
from ..services.conversations import Conversations
from ..services.revocations import Revocations
from ..services.tickets import TicketOffice
from ..services.websocket_bridge_factory import WebSocketBridgeFactory
from ..web.sockets.connection_handler import ConnectionHandler
from ..websocket_core.connection import Connection
from ..websocket_core.websocket_connection_pool import WebSocketConnectionPool
from ..websocket_core.websocket_manager_factory import WebSocketManagerFactory


@dataclass(slots=True)
class Runtime:
    """One server's parts. ``mint(kind)`` makes an id."""

    settings: Settings
    clock: Clock
    mint: Callable[[str], str]
    log: EventLog
    ledger: Ledger
    audit: Audit
    audit_trail: AuditTrail
    authentication: Authentication
    revocations: Revocations
    tickets: TicketOffice
    quotas: Quotas
    conversations: Conversations
    pool: WebSocketConnectionPool
    registry: AgentRegistry
    dispatchers: UnifiedToolDispatcherFactory
    bridge: WebSocketBridgeFactory
    engines: ExecutionEngineFactory
    managers: WebSocketManagerFactory
    services: RunServices
    turns: RunService
    desk: ConnectionHandler
    announce: Callable[[str], None]
    """Tells other processes of this machine where the server listens."""
    scratch: Path
    """A directory of this process alone, for what it is receiving."""
    beat: Callable[[float], None] | None = None
    """Called about every second, with the monotonic time: what a process does among others."""
    beside: Mapping[str, Callable[[], bool]] = field(default_factory=dict)
    """What it can do without, by name: whether it is there."""
    counted: Mapping[str, Callable[[], Mapping[str, int]]] = field(default_factory=dict)
    """What parts count that only a process among others has."""
    connections: set[Connection] = field(default_factory=set)
    draining: bool = False
