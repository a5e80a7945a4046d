"""Where one process keeps what outlives it, and by what it works with others: as the settings say.

Drivers of PostgreSQL and Redis are imported in the branch that chooses them: an embedded server needs neither.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from ..distribution import missing_packages
from .adapters.audit.place import Place
from .adapters.auth.file_revocations import FileRevocations
from .adapters.auth.local_tickets import LocalTickets
from .adapters.process.json_logs import name_process
from .adapters.secrets.server_secrets import ServerSecrets
from .adapters.sqlite.audit import SqliteAudit
from .adapters.sqlite.event_log import SqliteEventLog
from .config import Settings
from .core.history import Chunk
from .core.limits import Limits
from .file_ports import FileStore
from .mcp_ports import AuthorizationClient
from .ports import Audit, Bus, Clock, Entropy, EventLog, Fleet, Presence
from .secret_ports import SecretCipher, SecretStore
from .services.mcp_authorizations import McpAuthorizations
from .services.mcp_records import McpRecords
from .services.mcp_servers import McpServers
from .services.secrets import Secrets
from .sign_in_ports import ApiKeyStore, RevocationStore, Tickets
from .spend_ports import SpendStore
from .websocket_core.websocket_connection_pool import WebSocketConnectionPool

if TYPE_CHECKING:
    from .websocket_core.follower import Follower

Publish = Callable[[Sequence[Chunk]], None]
OnFailure = Callable[[BaseException], None]

_CONNECTIONS: Final = 2
"""To PostgreSQL, of each of the two roles, for what is neither the log nor the fleet."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """How a process finds and hears the others. ``bus`` and ``presence`` are ``None`` without Redis."""

    fleet: Fleet
    follower: Follower
    bus: Bus | None
    presence: Presence | None
    counts: Mapping[str, Callable[[], Mapping[str, int]]]
    """What each of these counts, by its name."""
    on_renewal: Callable[[Callable[[bool], Awaitable[object]]], None]
    """Have this awaited after the process's lease was renewed, with whether it had run out."""
    freeze_s: float
    """A process that stands still for so long may lose its lease."""


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of one process; ``others`` is ``None`` where it has its stores for itself."""

    log: EventLog
    audit: Audit
    tickets: Tickets
    revocations: RevocationStore
    files: FileStore
    secrets: SecretStore
    mcp_servers: SecretStore
    api_keys: ApiKeyStore
    spending: SpendStore
    others: Cluster | None = None


async def open_embedded(
    data_dir: Path,
    audit_place: Place,
    clock: Clock,
    limits: Limits,
    pool: WebSocketConnectionPool,
    on_failure: OnFailure,
    stack: AsyncExitStack,
) -> Stores:
    """Stores in the data directory, of this process alone. ``stack`` closes them.

    Raises ``ConfigurationError`` if the audit trail's chain is broken or a file is of another version.
    """
    loop = asyncio.get_running_loop()
    audit = await SqliteAudit.open(data_dir / "audit.db", audit_place, clock, limits)
    stack.push_async_callback(audit.close)
    log = SqliteEventLog(data_dir / "events.db", clock, loop, pool.publish, on_failure, limits)
    stack.push_async_callback(log.close)
    of_users = (log.files, log.secrets, log.mcp_servers, log.api_keys, log.spending)
    return Stores(log, audit, LocalTickets(limits), FileRevocations(data_dir), *of_users)


async def open_shared(
    database_url: str,
    redis_url: str | None,
    process_id: str,
    audit_place: Place,
    clock: Clock,
    entropy: Entropy,
    limits: Limits,
    pool: WebSocketConnectionPool,
    on_failure: OnFailure,
    stack: AsyncExitStack,
) -> Stores:
    """Stores in PostgreSQL, which other processes share. ``stack`` closes them.

    Raises ``ConfigurationError`` if the database would not keep users apart or is not known or the audit trail's chain is
    broken, and
    ``DependencyUnavailable``.
    """
    from .adapters.postgres.audit import PostgresAudit
    from .adapters.postgres.connection import READER, WRITER, open_pool
    from .adapters.postgres.event_log import PostgresEventLog
    from .adapters.postgres.gate import require_postgres
    from .adapters.postgres.lease import FREEZE_S
    from .adapters.postgres.peers import PostgresPeers
    from .adapters.postgres.revocations import PostgresRevocations
    from .adapters.postgres.tickets import PostgresTickets
    from .websocket_core.follower import Follower

    name_process(process_id)
    await require_postgres(database_url, limits)
    writer = await open_pool(database_url, WRITER, limits, size=_CONNECTIONS)
    stack.push_async_callback(writer.close)
    reader = await open_pool(database_url, READER, limits, size=_CONNECTIONS)
    stack.push_async_callback(reader.close)
    audit = await PostgresAudit.open(database_url, writer, reader, audit_place, clock, limits)
    stack.push_async_callback(audit.close)
    follower = Follower(pool, asyncio.get_running_loop())
    log = await PostgresEventLog.open(database_url, process_id, clock, follower.publish, on_failure, limits=limits)
    stack.push_async_callback(log.close)
    fleet = await PostgresPeers.open(database_url, process_id, limits)
    stack.push_async_callback(fleet.close)
    bus, presence = None, None
    counts: dict[str, Callable[[], Mapping[str, int]]] = {
        "fleet": lambda: {"messages_dropped": fleet.dropped, "gaps_read": follower.gaps_read}
    }
    if redis_url is not None:
        from .adapters.redis.bus import RedisBus
        from .adapters.redis.presence import RedisPresence

        namespace, key = _apart(database_url)
        loop = asyncio.get_running_loop()
        bus = RedisBus(redis_url, follower.on_message, loop, entropy, namespace=namespace, key=key, limits=limits)
        stack.push_async_callback(bus.close)
        bus.start()
        counts["bus"] = bus.counts
        presence = RedisPresence(redis_url, process_id, namespace=namespace, key=key, limits=limits)
        counts["presence"] = lambda: {"ignored": presence.ignored}
        stack.push_async_callback(presence.close)
    follower.configure(log, bus)
    stack.push_async_callback(follower.close)
    follower.start()
    others = Cluster(fleet, follower, bus, presence, counts, partial(setattr, log.lease, "on_renewal"), FREEZE_S)
    tickets, revocations = PostgresTickets(writer, limits), PostgresRevocations(writer)
    of_users = (log.files, log.secrets, log.mcp_servers, log.api_keys, log.spending)
    return Stores(log, audit, tickets, revocations, *of_users, others)


def secrets_of(settings: Settings, store: SecretStore) -> Secrets:
    """Secrets in this store, sealed with the keys of the settings, and those of the server."""
    cipher = _cipher_of(settings)
    if settings.secrets_dir is None:
        return Secrets(store, cipher, settings.limits)
    return Secrets(store, cipher, settings.limits, ServerSecrets(settings.secrets_dir, settings.limits.secret_bytes))


def mcp_servers_of(settings: Settings, store: SecretStore, mint: Callable[[str], str]) -> McpServers:
    """MCP servers of users in this store, sealed with the keys of the settings."""
    missing = missing_packages("An MCP client", "mcp", "mcp")
    return McpServers(store, _cipher_of(settings), settings.limits, mint, missing="".join(missing))


def mcp_authorizations_of(
    settings: Settings, store: SecretStore, client: AuthorizationClient, clock: Clock, entropy: Entropy
) -> McpAuthorizations:
    """The authorizations of MCP servers in this store, sealed as these are."""
    cipher = _cipher_of(settings)
    return McpAuthorizations(McpRecords(store, cipher), cipher, client, settings.limits, clock, entropy)


def _cipher_of(settings: Settings) -> SecretCipher | None:
    if settings.secrets_key is None:
        return None
    from .adapters.secrets.sealing import AesGcmCipher

    return AesGcmCipher(settings.secrets_key, settings.secrets_key_previous)


def _apart(database_url: str) -> tuple[str, bytes]:
    """What keeps servers apart that share one Redis: a name, and a key for messages, by the database and its password, which
    all processes of a server know. A message that was encrypted with another password is not believed, and what it would
    have told is read from the log."""
    parts = urlsplit(database_url)
    name = parts.path.strip("/") or "netra"
    return f"netra:{name}", hashlib.sha256(b"netra bus\0" + unquote(parts.password or "").encode()).digest()
