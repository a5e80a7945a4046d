"""The connections of one process: lets them in, has their frames handled, and ends them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Final

from ...core.error_catalogue import CATALOGUE
from ...core.errors import AuthenticationRefused, Fault
from ...core.frames import PROTOCOL, AnswerQuestion, CancelRun, Connected, ExecuteAgent, ResolveApproval, Resume
from ...core.identity import EVERYBODY, Identity
from ...core.limits import Limits
from ...core.quotas import Quotas
from ...core.session import Drill
from ...core.traffic import UserTraffic
from ...drill.isolation_drill import DrillReport
from ...ports import Clock
from ...runs.service import RunService
from ...services.audit_trail import AuditTrail
from ...services.authentication import Authentication, check_path_user, require_scope
from ...websocket_core.catch_up import CatchUp
from ...websocket_core.connection import Connection, ConnectionParts
from ...websocket_core.incoming import FrameHandlers
from ...websocket_core.outgoing import Wire
from ...websocket_core.websocket_connection_pool import WebSocketConnectionPool
from ...websocket_core.websocket_manager import WebSocketManager

_LOG: Final = logging.getLogger("netra.connections")

HoldDrill = Callable[[], Awaitable[DrillReport]]


class ConnectionHandler:
    """Iterates over the open connections, also those that are not signed in yet. ``hold_drill`` runs an isolation drill
    through the endpoints of this server; ``None`` where it has none."""

    def __init__(
        self,
        *,
        authentication: Authentication,
        runs: RunService,
        catch_up: CatchUp,
        pool: WebSocketConnectionPool,
        quotas: Quotas,
        limits: Limits,
        clock: Clock,
        audit_trail: AuditTrail,
        mint: Callable[[str], str],
        loop: asyncio.AbstractEventLoop,
        hold_drill: HoldDrill | None = None,
        connection_type: type[Connection] = Connection,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        handlers = FrameHandlers(
            authenticate=self._authenticate,
            commands={
                ExecuteAgent: self._start,
                CancelRun: runs.commands.cancel,
                ResolveApproval: runs.commands.resolve,
                AnswerQuestion: runs.commands.answer,
            },
            replays={Resume: self._resume, Drill: self._drill},
            held_frames=limits.held_frames,
            held_replays=limits.held_replays,
        )
        self._parts = ConnectionParts(
            handlers=handlers, pool=pool, audit_trail=audit_trail, clock=clock, mint=mint, loop=loop
        )
        self._authentication = authentication
        self._catch_up = catch_up
        self._sleep = sleep
        self._runs = runs
        self._pool = pool
        self._quotas = quotas
        self._limits = limits
        self._clock = clock
        self._audit_trail = audit_trail
        self._hold_drill = hold_drill
        self._connection_type = connection_type
        self._drills = asyncio.Semaphore(limits.process_drills)
        self._open: dict[Connection, Callable[[UserTraffic], None] | None] = {}
        self.is_draining = False

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._open))

    def __len__(self) -> int:
        return len(self._open)

    @property
    def is_accepting(self) -> bool:
        """Whether another connection is let in: there is room for it, and the server is not going away."""
        return not self.is_draining and len(self._open) < self._limits.process_connections

    # --- coming and going -------------------------------------------------------------------------------------------

    def open(
        self,
        manager: WebSocketManager,
        wire: Wire,
        identity: Identity | None,
        address: str = "",
        on_signed_in: Callable[[UserTraffic], None] | None = None,
    ) -> Connection:
        """A connection over this socket from the client's ``address``, signed in if ``identity`` is known already;
        ``on_signed_in`` is called as soon as it is, with what it may send. Call ``closed`` at its end.

        Raises as ``admit`` does; nothing is open then.
        """
        connection = self._connection_type(manager, wire, self._parts, address)
        self._open[connection] = on_signed_in
        try:
            if identity is not None:
                self.admit(connection, identity)
        except BaseException:
            self.closed(connection)
            raise
        return connection

    def admit(self, connection: Connection, identity: Identity) -> None:
        """Make it a live connection of this user. Raises ``LimitRefused`` (``connection_limit``), and
        ``AuthenticationRefused`` if the sign-in was revoked since it was verified, or may not ask agents."""
        self._authentication.standing(identity)
        require_scope(identity, EVERYBODY)
        now = self._clock.monotonic()
        quota = self._quotas.of_identity(identity, now)
        quota.add_connection()
        connection.identity = identity
        connection.session.authenticated(identity.user_id, identity.ends_at_ms, quota.frames(now))
        self._pool.add(connection)
        on_signed_in = self._open.get(connection)
        if on_signed_in is not None:
            on_signed_in(quota.traffic(now))
            self._open[connection] = None
        connection.say(
            Connected(
                connection.connection_id,
                identity.user_id,
                PROTOCOL,
                self._limits.heartbeat_ms,
                quota.limits.told(),
            )
        )

    def closed(self, connection: Connection) -> None:
        """The socket is gone. May be called again."""
        connection.lost()
        self._open.pop(connection, None)
        identity = connection.identity
        if identity is not None:
            connection.identity = None
            self._quotas.of(identity.user_id, self._clock.monotonic()).drop_connection()
            self._quotas.release(identity.user_id)

    def tick(self, now: float, now_ms: int) -> None:
        """A second has passed: heartbeats, and closes of what has taken too long or whose sign-in has expired. Revocations
        are not looked for: ``end_sign_ins`` is called for each."""
        for connection in self:
            try:
                connection.tick(now, now_ms)
            except Exception:  # of one connection: the others' time passes all the same
                _LOG.exception("a tick failed", extra={"connection_id": connection.connection_id})

    def end_sign_ins(self, user_id: str) -> None:
        """Close the connections of this user whose sign-ins do not stand any more."""
        for member in self._pool.of_user(user_id):
            if isinstance(member, Connection):
                self._check_standing(member)

    def _check_standing(self, connection: Connection) -> None:
        if connection.identity is not None:
            try:
                self._authentication.standing(connection.identity)
            except AuthenticationRefused as refusal:
                connection.end_sign_in(refusal.entry.id)

    async def drain(self, patience_s: float) -> None:
        """Take no new connection, announce the end, let runs end, hand the others over, and close with 1012."""
        self.is_draining = True
        for connection in self:
            connection.act(connection.session.drain(round(patience_s * 1000)))
        await self._runs.drain(patience_s)
        for connection in self:
            connection.disconnect(1012, "draining")

    # --- frames -----------------------------------------------------------------------------------------------------

    async def _authenticate(self, connection: Connection, token: str) -> None:
        if connection.identity is not None:  # a second token came while the first was verified
            return
        self._audit_trail.require_writable()
        identity = await self._authentication.verify(token)
        check_path_user(identity, connection.user_id)
        try:
            self.admit(connection, identity)
        except AuthenticationRefused as refusal:
            if refusal.entry.close_code is None:  # it is not for WebSockets, however often it is tried
                connection.refuse(refusal)
                connection.disconnect(CATALOGUE["user_mismatch"].close_code or 1008, refusal.entry.id)
                return
            raise

    def _start(self, connection: Connection, request: ExecuteAgent) -> Coroutine[Any, Any, None]:
        self._audit_trail.require_writable()
        return self._runs.start(connection, request)

    async def _resume(self, connection: Connection, request: Resume) -> None:
        """Replay what is missing. A user who has asked for much waits, and nobody else does."""
        quota = self._quotas.of(connection.user_id, self._clock.monotonic())
        wait_s = quota.take_resume(len(request.positions), self._clock.monotonic())
        if wait_s:
            await self._sleep(wait_s)
        await self._catch_up.resume(connection, request)

    async def _drill(self, connection: Connection, request: Drill) -> None:
        """Hold an isolation drill and answer with its report. Two at a time: a drill is the work of many requests."""
        if self._hold_drill is None:
            raise Fault("This server has no endpoints to drill.", kind="dependency_unavailable")
        async with self._drills:
            report = await self._hold_drill()
        self._audit_trail.happened(
            connection.user_id,
            "drill_run",
            address=connection.address,
            endpoints=len(report.rows),
            leaks=len(report.leaks),
        )
        if report.leaks:
            _LOG.critical(
                "the isolation drill found leaks", extra={"endpoints": [row.endpoint for row in report.leaks]}
            )
        connection.refuse(Fault(report.summary(), kind="isolation_drill"), request.id)
