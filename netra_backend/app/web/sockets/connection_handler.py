"""Where the requests of connections go: the one place that joins a connection to the rest of the server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from ...core import validation
from ...core.errors import Fault, IsolationRefused
from ...core.frames import PROTOCOL, Ack, CancelRun, Connected, ExecuteAgent, ResolveApproval, Resume
from ...core.identity import Identity
from ...core.limits import Limits, Quotas
from ...drill.isolation_drill import DrillReport
from ...ports import Clock
from ...runs.service import RunService
from ...services.audit_trail import AuditTrail
from ...services.authentication import Authentication, check_path_user
from ...websocket_core.catch_up import CatchUp
from ...websocket_core.connection import Connection
from ...websocket_core.websocket_connection_pool import WebSocketConnectionPool

_LOG: Final = logging.getLogger("netra.desk")
_DRILLS_AT_ONCE: Final = 2


async def _no_drill() -> DrillReport:
    raise Fault("This server has no doors to drill.", kind="dependency_unavailable")


class ConnectionHandler:
    """``websocket_core.connection.FrameHandler``."""

    def __init__(
        self,
        *,
        authentication: Authentication,
        turns: RunService,
        catch_up: CatchUp,
        pool: WebSocketConnectionPool,
        quotas: Quotas,
        limits: Limits,
        clock: Clock,
        audit_trail: AuditTrail,
        mint: Callable[[str], str],
    ) -> None:
        self._authentication = authentication
        self._turns = turns
        self._catch_up = catch_up
        self._pool = pool
        self._quotas = quotas
        self._limits = limits
        self._clock = clock
        self._audit_trail = audit_trail
        self._drills = asyncio.Semaphore(_DRILLS_AT_ONCE)
        self.mint = mint
        self.hold_drill: Callable[[], Awaitable[DrillReport]] = _no_drill
        """Set by the application, whose doors a drill goes through."""

    # --- coming and going -------------------------------------------------------------------------------------------

    def admit(self, connection: Connection, identity: Identity) -> None:
        """Make it a live connection of this user; ``dismiss`` it at its end. Raises ``LimitRefused`` (``connection_limit``), and
        ``AuthenticationRefused`` where the sign-in was revoked since it was verified."""
        self._authentication.standing(identity)
        self._quotas.of(identity.user_id, self._clock.monotonic()).add_connection()
        connection.identity = identity
        connection.session.authenticated(identity.user_id, identity.expires_at_ms)
        self._pool.add(connection)
        connection.say(
            Connected(
                connection.connection_id,
                identity.user_id,
                PROTOCOL,
                self._limits.heartbeat_ms,
                self._limits.told(),
            )
        )

    def dismiss(self, connection: Connection) -> None:
        """The connection is gone."""
        identity = connection.identity
        if identity is not None:
            connection.identity = None
            self._quotas.of(identity.user_id, self._clock.monotonic()).drop_connection()
            self._quotas.release(identity.user_id)

    async def drain(self, connections: Collection[Connection], patience_s: float) -> None:
        """Announce the end to these connections, let runs end, hand the others over, and close the connections with 1012."""
        for connection in list(connections):
            connection.act(connection.session.drain(round(patience_s * 1000)))
        await self._turns.drain(patience_s)
        for connection in list(connections):
            connection.disconnect(1012, "draining")

    async def authenticate(self, connection: Connection, token: str) -> None:
        if connection.identity is not None:  # a second token came while the first was looked at
            return
        identity = await self._authentication.verify(token)
        check_path_user(identity, connection.user_id)
        self.admit(connection, identity)

    # --- requests ---------------------------------------------------------------------------------------------------

    async def start(self, connection: Connection, frame: ExecuteAgent) -> None:
        context = frame.context
        if context and context.get("connection_id", connection.connection_id) != connection.connection_id:
            raise IsolationRefused(
                "SSOT isolation: context.connection_id is not the one of this connection.",
                field="context.connection_id",
                hint="Leave context out: events go to all connections of your own.",
                point=validation.CONTEXT_CONNECTION,
            )
        await self._turns.start(connection, frame)

    async def cancel(self, connection: Connection, frame: CancelRun) -> None:
        await self._turns.cancel(connection, frame)

    async def resolve(self, connection: Connection, frame: ResolveApproval) -> None:
        await self._turns.resolve(connection, frame)

    async def catch_up(self, connection: Connection, frame: Resume) -> None:
        await self._catch_up.resume(connection, frame)

    async def acknowledge(self, connection: Connection, frame: Ack) -> None:
        """Acknowledgements steer nothing here: the socket's own flow control does."""

    async def drill(self, connection: Connection, frame: ExecuteAgent) -> None:
        """Hold an isolation drill and tell what came of it. Two at a time: a drill is the work of many requests."""
        async with self._drills:
            report = await self.hold_drill()
        self._audit_trail.happened(connection.user_id, "drill_run", doors=len(report.rows), leaks=len(report.leaks))
        if report.leaks:
            _LOG.critical("the isolation drill found open doors", extra={"doors": [row.door for row in report.leaks]})
        connection.refuse(Fault(report.summary(), kind="isolation_drill"), frame.id)
