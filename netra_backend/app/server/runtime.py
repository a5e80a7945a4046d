"""What a running server is made of. Made by ``wiring``; ``server`` gives each group of endpoints the parts that it needs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..agents.supervisor.agent_registry import AgentRegistry
from ..agents.supervisor.execution_engine_factory import ExecutionEngineFactory
from ..agents.supervisor.run_services import RunServices
from ..agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from ..config import Settings
from ..core.quotas import Quotas
from ..ports import Audit, Clock, EventLog, Ledger
from ..runs.service import RunService
from ..services.api_keys import ApiKeys
from ..services.audit_trail import AuditTrail
from ..services.authentication import Authentication
from ..services.conversations import Conversations
from ..services.files import Files
from ..services.mcp_authorizations import McpAuthorizations
from ..services.mcp_servers import McpServers
from ..services.revocations import Revocations
from ..services.run_budgets import RunBudgets
from ..services.secrets import Secrets
from ..services.tickets import TicketOffice
from ..services.websocket_bridge_factory import WebSocketBridgeFactory
from ..web.http.anonymous_rate_limit import AnonymousRateLimit
from ..web.sockets.connection_handler import ConnectionHandler
from ..websocket_core.websocket_connection_pool import WebSocketConnectionPool
from ..websocket_core.websocket_manager_factory import WebSocketManagerFactory


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """One server's parts, and what they are called back for."""

    settings: Settings
    clock: Clock
    mint: Callable[[str], str]
    """Makes an id of a kind."""
    log: EventLog
    ledger: Ledger
    audit: Audit
    audit_trail: AuditTrail
    authentication: Authentication
    revocations: Revocations
    tickets: TicketOffice
    api_keys: ApiKeys
    sign_in_synthetic: Callable[[str], str]
    """A token that this process alone accepts, for a synthetic user."""
    quotas: Quotas
    anonymous: AnonymousRateLimit
    conversations: Conversations
    files: Files
    secrets: Secrets
    mcp_servers: McpServers
    mcp_authorizations: McpAuthorizations
    pool: WebSocketConnectionPool
    registry: AgentRegistry
    dispatchers: UnifiedToolDispatcherFactory
    bridge: WebSocketBridgeFactory
    engines: ExecutionEngineFactory
    managers: WebSocketManagerFactory
    services: RunServices
    runs: RunService
    connections: ConnectionHandler
    scratch: Path
    """A directory of this process alone, for what it is receiving."""
    announce: Callable[[str], None]
    """Tells other processes of this machine where the server listens."""
    on_tick: Callable[[float], None] | None
    """Called about every second, with the monotonic time."""
    optional_dependencies: Mapping[str, Callable[[], bool]]
    """Whether each dependency that the server can do without is up."""
    budgets: RunBudgets
    render_html: Callable[[str, str], Coroutine[Any, Any, str]]
    """Makes HTML for this user of this Markdown."""
    counters: Mapping[str, Callable[[], Mapping[str, int]]]
    """What parts count that only a process among others has, by the part's name."""
