"""One connection: its session decides what a frame, a second or a drain means, and the two halves of the socket do it.

This room is the only one that knows sockets, and it knows them as ``Wire``. Nothing here decides who may do what.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ..core.error_catalogue import CATALOGUE
from ..core.errors import NetraError, Refusal, SSotIsolationError
from ..core.frames import Heartbeat, ServerFrame, encode_frame, error_frame
from ..core.identity import Identity
from ..core.outbox import Outbox
from ..core.session import Authenticate, Close, Effect, Handle, SendError, SendFrame, SendHeartbeat
from ..ports import Clock
from ..services.audit_trail import AuditTrail
from .incoming import FrameHandlers, Incoming
from .outgoing import Outgoing, Wire
from .websocket_connection_pool import WebSocketConnectionPool
from .websocket_manager import WebSocketManager

_LOG: Final = logging.getLogger("netra.connection")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionParts:
    """What all connections of one process share."""

    handlers: FrameHandlers
    pool: WebSocketConnectionPool
    audit_trail: AuditTrail
    clock: Clock
    mint: Callable[[str], str]
    loop: asyncio.AbstractEventLoop


class Connection:
    """One live connection of one user; a member of the pool once it is authenticated."""

    __slots__ = (
        "__weakref__",
        "_incoming",
        "_outgoing",
        "_parts",
        "address",
        "connection_id",
        "identity",
        "opened_ms",
        "session",
        "user_id",
    )

    def __init__(self, manager: WebSocketManager, wire: Wire, parts: ConnectionParts, address: str = "") -> None:
        self.address = address
        self.session = manager.session
        self.user_id = manager.user_id
        self.connection_id = manager.websocket_id
        self.identity: Identity | None = None
        self.opened_ms = parts.clock.now_ms()
        self._parts = parts
        self._incoming = Incoming(parts.handlers, parts.loop)
        self._outgoing = Outgoing(manager.outbox, wire, parts.pool, parts.clock, parts.loop, self._too_slow)

    @property
    def is_authenticated(self) -> bool:
        """Whether a token has proved whose it is."""
        return self.session.user_id != ""

    @property
    def is_live(self) -> bool:
        """Whether it is open and authenticated."""
        return not self._outgoing.is_closed and self.is_authenticated

    @property
    def scopes(self) -> frozenset[str]:
        """What its user may do."""
        return self.identity.scopes if self.identity is not None else frozenset()

    @property
    def plan(self) -> str:
        """The name of its user's plan, as its sign-in names it."""
        return self.identity.plan if self.identity is not None else ""

    @property
    def agents(self) -> frozenset[str]:
        """The agents that its sign-in may ask; empty: all."""
        return self.identity.agents if self.identity is not None else frozenset()

    @property
    def catching_up(self) -> set[str]:
        """The threads that are being replayed: their live events come from the log instead."""
        return self._outgoing.catching_up

    @property
    def outbox(self) -> Outbox:
        """What waits to be sent."""
        return self._outgoing.outbox

    # --- what the socket reports ------------------------------------------------------------------------------------

    def received(self, raw: bytes | str) -> None:
        """A text frame came in."""
        clock = self._parts.clock
        effect = self.session.received(raw, clock.monotonic(), clock.now_ms())
        if type(effect) is tuple:
            self.act(effect)
        else:
            self._act(effect)  # type: ignore[arg-type]  # narrowed by identity of the type

    def too_long(self, head: bytes | str) -> None:
        """A text message came in that is too long; this is its beginning."""
        self.act(self.session.too_long(head, self._parts.clock.monotonic()))

    def overrun(self, refusal: Refusal) -> None:
        """The peer sent more than it may: say so, and close."""
        self.refuse(refusal)
        self.disconnect(refusal.entry.close_code or 1009, refusal.entry.id)

    def ponged(self) -> None:
        """A pong came in."""
        self.session.ponged()

    def writable(self) -> None:
        """The socket takes bytes again."""
        self._outgoing.writable()

    def lost(self) -> None:
        """The socket is gone. May be called again."""
        if not self._outgoing.is_closed:
            self.session.closed()
            self._parts.pool.remove(self)
            self._outgoing.stop()
            self._incoming.stop()

    def tick(self, now: float, now_ms: int) -> None:
        """A second has passed."""
        if self._outgoing.is_stalled(now):
            self.close("slow_consumer")
            return
        effects = self.session.tick(now, now_ms)
        if effects:
            self.act(effects)

    # --- what is sent over it ---------------------------------------------------------------------------------------

    def deliver(self, owner: str, thread_id: str, first: int, frames: Sequence[bytes]) -> bool:
        """Queue committed events of its owner; returns whether a ``flush`` is wanted."""
        try:
            return self._outgoing.deliver(owner, thread_id, frames)
        except SSotIsolationError as crossing:
            _LOG.critical("delivery to another user was stopped", extra={"connection_id": self.connection_id})
            self._record(crossing)
            self.close("cross_user_delivery")
            return False

    def flush(self) -> None:
        """Send what is queued, in one write, if the socket takes it."""
        self._outgoing.flush()

    def say(self, frame: ServerFrame) -> None:
        """Queue a control frame."""
        self._outgoing.push((encode_frame(frame),))

    def push(self, *frames: bytes) -> None:
        """Queue frames that are this connection's own; they leave at the end of this iteration of the loop."""
        self._outgoing.push(frames)

    async def drained(self) -> None:
        """Wait until what was queued has left."""
        await self._outgoing.drained()

    def refuse(self, error: NetraError, id: str | None = None, run_id: str | None = None) -> None:
        """Send an error; a refusal is recorded."""
        if isinstance(error, Refusal):
            self._record(error)
        error_id = None
        if error.entry.id == "internal":
            error_id = self._parts.mint("err")
            _LOG.error("command failed", exc_info=error, extra={"error_id": error_id})
        self.say(error_frame(error, id=id, run_id=run_id, error_id=error_id))

    def close(self, kind: str) -> None:
        """Close for a condition of the catalogue."""
        code = CATALOGUE[kind].close_code
        assert code is not None, kind
        self.disconnect(code, kind)

    def end_sign_in(self, kind: str) -> None:
        """The sign-in does not stand any more, for this condition of the catalogue: say so, and close."""
        self.act(self.session.sign_in_ended(kind))

    def disconnect(self, code: int, reason: str) -> None:
        """Close with a code of the catalogue, or one of RFC 6455, 7.4.1 (1000 to 1012)."""
        if not self._outgoing.is_closed:
            self.session.closed()
            self._outgoing.close(code, reason)
            self.lost()

    # --- effects ----------------------------------------------------------------------------------------------------

    def act(self, effects: Sequence[Effect]) -> None:
        """Do what the session asks for, in order."""
        for effect in effects:
            self._act(effect)

    def _act(self, effect: Effect) -> None:
        if isinstance(effect, Handle):
            if not self._incoming.handle(self, effect.frame):
                self.close("rate_limited")
        elif isinstance(effect, SendFrame):
            self.say(effect.frame)
        elif isinstance(effect, SendError):
            self.refuse(effect.refusal, effect.id)
        elif isinstance(effect, Close):
            self.disconnect(effect.code, effect.reason)
        elif isinstance(effect, SendHeartbeat):
            self.say(Heartbeat(dict(self._parts.pool.tops(self.user_id))))
            if not self._outgoing.ping():
                self.session.ponged()
        elif isinstance(effect, Authenticate) and not self._incoming.authenticate(self, effect.token):
            self.close("rate_limited")

    def _too_slow(self) -> None:
        self.close("slow_consumer")

    def _record(self, refusal: Refusal) -> None:
        # Until a token has proved it, the user id is only what the path said.
        self._parts.audit_trail.record_refusal(
            self.session.user_id or None, refusal, address=self.address, connection_id=self.connection_id
        )
