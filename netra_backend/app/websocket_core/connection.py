"""Drives one connection: what the socket brings goes into its session, what the session asks for is done.

This room is the only one that knows sockets, and it knows them as ``Wire``. Nothing here decides who may do what.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any, Final, Protocol

from ..core.errors import CATALOGUE, Fault, NetraError, Refusal, SSotIsolationError
from ..core.frames import (
    Ack,
    CancelRun,
    ExecuteAgent,
    Heartbeat,
    ResolveApproval,
    Resume,
    ServerFrame,
    encode_frame,
    error_frame,
)
from ..core.identity import Identity
from ..core.session import (
    Acknowledge,
    Cancel,
    CatchUp,
    Close,
    Drill,
    Effect,
    Resolve,
    SendError,
    SendFrame,
    SendHeartbeat,
    Start,
    Verify,
)
from ..ports import Clock
from ..services.audit_trail import AuditTrail
from .eager_task import begin
from .serial_queue import SerialQueue
from .websocket_connection_pool import WebSocketConnectionPool
from .websocket_manager import WebSocketManager

_LOG: Final = logging.getLogger("netra.connection")
MAX_HELD: Final = 1000
"""Commands that wait while one before them looks something up."""
MAX_RESUMES: Final = 32
"""Replays that wait while one goes on."""


class Wire(Protocol):
    """One accepted WebSocket. No method waits."""

    @property
    def writable(self) -> bool:
        """Whether bytes leave at once; when that returns, ``Connection.writable`` is called."""

    @property
    def unsent(self) -> int:
        """How much of what was sent the socket has not taken yet; less of it means progress."""

    def send(self, frames: Sequence[bytes]) -> None:
        """Send text frames, in one write."""

    def ping(self) -> bool:
        """Send a ping; ``False`` where pings are somebody else's work and no pong will be told."""

    def close(self, code: int, reason: str) -> None:
        """Send a close frame and end the connection."""


class FrameHandler(Protocol):
    """Where requests go. Each may raise ``NetraError``, which its client is told."""

    async def authenticate(self, connection: Connection, token: str) -> None: ...

    async def start(self, connection: Connection, frame: ExecuteAgent) -> None: ...

    async def cancel(self, connection: Connection, frame: CancelRun) -> None: ...

    async def resolve(self, connection: Connection, frame: ResolveApproval) -> None: ...

    async def catch_up(self, connection: Connection, frame: Resume) -> None: ...

    async def acknowledge(self, connection: Connection, frame: Ack) -> None: ...

    async def drill(self, connection: Connection, frame: ExecuteAgent) -> None: ...

    def mint(self, kind: str) -> str: ...


class Connection:
    """One live connection of one user; a member of the pool once it is authenticated."""

    __slots__ = (
        "__weakref__",
        "_audit",
        "_clock",
        "_closed",
        "_commands",
        "_desk",
        "_drain",
        "_loop",
        "_pool",
        "_queued",
        "_replays",
        "_unsent",
        "_wire",
        "catching_up",
        "connection_id",
        "identity",
        "manager",
        "opened_ms",
        "outbox",
        "session",
        "user_id",
    )

    def __init__(
        self,
        manager: WebSocketManager,
        wire: Wire,
        desk: FrameHandler,
        pool: WebSocketConnectionPool,
        audit: AuditTrail,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.manager = manager
        self.session = manager.session
        self.outbox = manager.outbox
        self.user_id = manager.user_id
        self.connection_id = manager.websocket_id
        self.identity: Identity | None = None
        self.opened_ms = clock.now_ms()
        self.catching_up: set[str] = set()
        self._wire = wire
        self._desk = desk
        self._pool = pool
        self._audit = audit
        self._clock = clock
        self._loop = loop
        self._closed = False
        self._queued = False
        self._unsent = -1  # unknown while the socket takes bytes
        self._drain: asyncio.Future[None] | None = None
        self._commands = SerialQueue(partial(begin, loop), self._command, MAX_HELD)
        self._replays = SerialQueue(loop.create_task, self._replay, MAX_RESUMES)

    @property
    def is_live(self) -> bool:
        """Whether it is open and authenticated."""
        return not self._closed and self.session.user_id != ""

    @property
    def scopes(self) -> frozenset[str]:
        """What its user may do."""
        return self.identity.scopes if self.identity is not None else frozenset()

    # --- what the socket says ---------------------------------------------------------------------------------------

    def received(self, raw: bytes | str) -> None:
        """A text frame came in."""
        clock = self._clock
        effect = self.session.received(raw, clock.monotonic(), clock.now_ms())
        if type(effect) is tuple:
            self.act(effect)
        else:
            self._act(effect)  # type: ignore[arg-type]  # narrowed by identity of the type

    def ponged(self) -> None:
        """A pong came in."""
        self.session.ponged()

    def writable(self) -> None:
        """The socket takes bytes again."""
        self._unsent = -1
        self.outbox.resumed()
        self.flush()

    def lost(self) -> None:
        """The socket is gone. May be called again."""
        if not self._closed:
            self._closed = True
            self.session.closed()
            self._pool.remove(self)
            self._wake()
            self._commands.stop()
            self._replays.stop()

    def tick(self, now: float, now_ms: int) -> None:
        """A second has passed."""
        if self.outbox.is_stalled(now) and not self._progressed(now):
            self.close("slow_consumer")
            return
        effects = self.session.tick(now, now_ms)
        if effects:
            self.act(effects)

    # --- what is said to it -----------------------------------------------------------------------------------------

    def deliver(self, owner: str, thread_id: str, first: int, frames: Sequence[bytes]) -> bool:
        """Queue committed events of its owner; a thread that is being caught up comes from the log instead."""
        if self._closed or (self.catching_up and thread_id in self.catching_up):
            return False
        try:
            fits = self.outbox.put(owner, frames)
        except SSotIsolationError as crossing:
            _LOG.critical("delivery across users was stopped", extra={"connection_id": self.connection_id})
            self._record(crossing)
            self.close("cross_user_delivery")
            return False
        if not fits and not self._relieved():
            self.close("slow_consumer")
            return False
        if self._queued:
            return False
        self._queued = True
        return True

    def say(self, frame: ServerFrame) -> None:
        """Queue a control frame."""
        self.push(encode_frame(frame))

    def push(self, *frames: bytes) -> None:
        """Queue frames that are this connection's own; they leave at the end of this turn."""
        if self._closed:
            return
        if not self.outbox.put(self.user_id, frames) and not self._relieved():
            self.close("slow_consumer")
        elif not self._queued:
            self._queued = True
            self._pool.touch(self)

    def flush(self) -> None:
        """Send what is queued, in one write, where the socket takes it."""
        self._queued = False
        if self._closed or not self.outbox.bytes:
            return
        wire = self._wire
        if wire.writable:
            wire.send(self.outbox.take())
            self._wake()
        if not wire.writable:
            if self._unsent < 0:
                self._unsent = wire.unsent
            self.outbox.paused(self._clock.monotonic())

    def _relieved(self) -> bool:
        """Whether the socket takes at once what went over the outbox's bound: a reader that keeps up is never slow, however
        much comes in one turn."""
        self.flush()
        return not self.outbox.bytes

    def _progressed(self, now: float) -> bool:
        """Whether a socket that takes nothing more has at least taken some of what it was given."""
        before, self._unsent = self._unsent, self._wire.unsent
        if self._unsent >= before:
            return False
        self.outbox.resumed()
        self.outbox.paused(now)
        return True

    def _wake(self) -> None:
        drain = self._drain
        if drain is not None:
            self._drain = None
            if not drain.done():
                drain.set_result(None)

    async def drained(self) -> None:
        """Wait until what was queued has left, so that a long replay takes no more memory than one page."""
        while self.outbox.bytes and not self._closed:
            if self._drain is None:
                self._drain = self._loop.create_future()
            await asyncio.shield(self._drain)

    def refuse(self, error: NetraError, id: str | None = None, run_id: str | None = None) -> None:
        """Tell an error; a refusal is recorded."""
        if isinstance(error, Refusal):
            self._record(error)
        error_id = None
        if error.entry.id == "internal":
            error_id = self._desk.mint("err")
            _LOG.error("command failed", exc_info=error, extra={"error_id": error_id})
        self.say(error_frame(error, id=id, run_id=run_id, error_id=error_id))

    def close(self, kind: str) -> None:
        """Close for a condition of the catalogue."""
        code = CATALOGUE[kind].close_code
        assert code is not None, kind
        self.act((Close(code, kind),))

    def revoke(self) -> None:
        """The user's sign-in was revoked: tell, and close."""
        self.act(self.session.revoked())

    def disconnect(self, code: int, reason: str) -> None:
        """Close with a code of RFC 6455, 7.4.1 (1000 to 1012)."""
        self.act((Close(code, reason),))

    # --- effects ----------------------------------------------------------------------------------------------------

    def act(self, effects: Sequence[Effect]) -> None:
        """Do what the session asks for, in order."""
        for effect in effects:
            self._act(effect)

    def _act(self, effect: Effect) -> None:
        if isinstance(effect, (Start, Cancel, Resolve, Acknowledge, Verify)):
            if not self._commands.put(effect):
                self.close("rate_limited")
        elif isinstance(effect, SendFrame):
            self.say(effect.frame)
        elif isinstance(effect, SendError):
            self.refuse(effect.refusal, effect.id)
        elif isinstance(effect, Close):
            self._end(effect)
        elif isinstance(effect, SendHeartbeat):
            self.say(Heartbeat(dict(self._pool.tops(self.user_id))))
            if not self._wire.ping():
                self.session.ponged()
        elif isinstance(effect, (CatchUp, Drill)) and not self._replays.put(effect):
            self.close("rate_limited")

    async def _replay(self, effect: CatchUp | Drill) -> None:
        """What takes long: beside the commands, but one after the other, or two replays of one thread would be mixed."""
        if isinstance(effect, CatchUp):
            await self._guarded(self._desk.catch_up(self, effect.frame), effect.frame.id)
        else:
            await self._guarded(self._desk.drill(self, effect.frame), effect.frame.id)

    def _command(self, effect: Start | Cancel | Resolve | Acknowledge | Verify) -> Coroutine[Any, Any, None]:
        desk = self._desk
        if isinstance(effect, Start):
            return self._guarded(desk.start(self, effect.frame), effect.frame.id)
        if isinstance(effect, Cancel):
            return self._guarded(desk.cancel(self, effect.frame), effect.frame.id)
        if isinstance(effect, Resolve):
            return self._guarded(desk.resolve(self, effect.frame), effect.frame.id)
        if isinstance(effect, Acknowledge):
            return self._guarded(desk.acknowledge(self, effect.frame), effect.frame.id)
        return self._guarded(desk.authenticate(self, effect.token), None)

    async def _guarded(self, work: Coroutine[Any, Any, None], id: str | None) -> None:
        try:
            await work
        except NetraError as error:
            self.refuse(error, id)
            if error.entry.close_code is not None and isinstance(error, Refusal) and self.session.user_id == "":
                self.close(error.entry.id)
        except Exception as error:
            fault = Fault("A fault of ours.")
            fault.__cause__ = error
            self.refuse(fault, id)

    def _end(self, effect: Close) -> None:
        if self._closed:
            return
        if self._wire.writable and self.outbox.bytes:
            self._wire.send(self.outbox.take())
        self.session.closed()
        self._wire.close(effect.code, effect.reason)
        self.lost()

    def _record(self, refusal: Refusal) -> None:
        # Until a token has proved it, the user id is only what a stranger's path said.
        self._audit.record_refusal(self.session.user_id or None, refusal, connection_id=self.connection_id)
