"""A connection's state machine: what came in, and when, give what is to be done.

States::

    waiting ──authenticated──▶ open ──drain──▶ draining
       │                        │                 │
       └──────── Close ─────────┴─────────────────┴──▶ closed      (nothing is taken any more)

A step never waits and never raises for anything that a client sent: a refusal is a ``SendError`` effect, and a ``Close`` where
the condition ends the connection. A fault of one command never closes the socket; abuse of identity or protocol does.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Final

import msgspec

from . import frames, validation
from .error_catalogue import CATALOGUE
from .errors import AuthenticationRefused, FrameRefused, InvalidContextError, IsolationRefused, LimitRefused, Refusal
from .ids import check_id
from .limits import Limits
from .message_parts import file_ids_of
from .token_bucket import TokenBucket

WAITING: Final = "waiting"
OPEN: Final = "open"
DRAINING: Final = "draining"
CLOSED: Final = "closed"

_TIMEZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}").fullmatch
_CONTEXT_FIELDS: Final = ("user_id", "thread_id", "run_id", "request_id", "connection_id")
_FAULTS: Final = frozenset({"invalid_json", "unknown_type", "invalid_frame", "payload_too_large"})
_TOO_BIG: Final = 1009  # RFC 6455, 7.4.1


class Effect(msgspec.Struct, frozen=True):
    """Base of what a step asks its driver to do."""


class Authenticate(Effect, frozen=True):
    """Verify this token, then call ``authenticated`` or close."""

    token: str


class Drill(msgspec.Struct, frozen=True):
    """An ``execute_agent`` that asks for an isolation drill, on a server that allows it."""

    id: str | None


HandledFrame = (
    frames.ExecuteAgent | frames.CancelRun | frames.ResolveApproval | frames.AnswerQuestion | frames.Resume | Drill
)
"""What the session lets through to the application."""


class Handle(Effect, frozen=True):
    """Have the application do what this frame asks for."""

    frame: HandledFrame


class SendFrame(Effect, frozen=True):
    """Send this control frame."""

    frame: frames.ServerFrame


class SendError(Effect, frozen=True):
    """Send the error frame of ``refusal`` and record it."""

    refusal: Refusal
    id: str | None = None


class SendHeartbeat(Effect, frozen=True):
    """Send a heartbeat and a ping."""


class Close(Effect, frozen=True):
    """Close the socket. ``reason`` is an id of the catalogue, at most 123 bytes."""

    code: int
    reason: str


class Session:
    """One connection. ``now`` is monotonic seconds; ``now_ms`` wall-clock milliseconds (tokens and pongs)."""

    __slots__ = (
        "_born",
        "_connection_id",
        "_drills",
        "_ends_at_ms",
        "_faults",
        "_heartbeat_due",
        "_limits",
        "_over_rate",
        "_over_since",
        "_pong_due",
        "_rate",
        "state",
        "user_id",
    )

    def __init__(self, limits: Limits, now: float, *, connection_id: str = "", drills_allowed: bool = False) -> None:
        self.state = WAITING
        self.user_id = ""
        self._limits = limits
        self._born = now
        self._connection_id = connection_id
        self._drills = drills_allowed
        self._ends_at_ms: int | None = None
        self._faults: deque[float] = deque(maxlen=limits.faults)
        self._rate = TokenBucket(limits.frame_rate, limits.frame_burst, now)
        self._over_rate = 0
        self._over_since = now
        self._heartbeat_due = now + limits.heartbeat_ms / 1000
        self._pong_due: float | None = None

    def authenticated(self, user_id: str, ends_at_ms: int | None, rate: TokenBucket | None = None) -> None:
        """The token holds: from now on this connection is of ``user_id``, for ever; until ``ends_at_ms`` it may be used. ``rate``
        is what all connections of the user may send together."""
        if self.state == WAITING:
            self.user_id = user_id
            self._ends_at_ms = ends_at_ms
            self._rate = rate or self._rate
            self.state = OPEN

    def received(self, raw: bytes | str, now: float, now_ms: int) -> Effect | tuple[Effect, ...]:
        """A text frame came in. One effect where there is one (the common case), else several, in order."""
        if self.state == CLOSED:
            return ()
        try:
            if self.state != WAITING:
                self._check_standing(now, now_ms)
            return self._step(frames.decode(raw), now_ms)
        except Refusal as refusal:
            return self._refused(refusal, raw, now)

    def too_long(self, head: bytes | str, now: float) -> tuple[Effect, ...]:
        """A text message came in that is longer than ``frame_bytes``; ``head`` is its beginning. Nothing of it is taken."""
        if self.state == CLOSED:
            return ()
        if self.state == WAITING:
            self.state = CLOSED
            return (Close(_TOO_BIG, "payload_too_large"),)
        try:
            raise FrameRefused(
                f"The message is too long: the limit is {self._limits.frame_bytes:,} bytes.",
                kind="payload_too_large",
                hint="Send less at once; sending this message again gives the same answer.",
                point=validation.SOCKET_TOO_LONG,
            )
        except FrameRefused as refusal:
            return self._refused(refusal, head, now)

    def tick(self, now: float, now_ms: int) -> tuple[Effect, ...]:
        """Time has passed."""
        if self.state == CLOSED:
            return ()
        if self.state == WAITING:
            return self._close("auth_timeout") if now - self._born >= self._limits.authentication_s else ()
        if self._ends_at_ms is not None and now_ms >= self._ends_at_ms:
            return self._close("token_expired")
        if self._pong_due is not None and now >= self._pong_due:
            return self._close("no_pong")
        if now >= self._heartbeat_due:
            self._heartbeat_due = now + self._limits.heartbeat_ms / 1000
            if self._pong_due is None:
                self._pong_due = now + self._limits.pong_timeout_s
            return (SendHeartbeat(),)
        return ()

    def ponged(self) -> None:
        """The peer answered a ping (RFC 6455, 5.5.3)."""
        self._pong_due = None

    def sign_in_ended(self, kind: str) -> tuple[Effect, ...]:
        """The user's sign-in does not stand any more, for this condition of the catalogue."""
        return () if self.state == CLOSED else self._close(kind)

    def drain(self, after_ms: int) -> tuple[Effect, ...]:
        """The server is going away."""
        if self.state != OPEN:
            return ()
        self.state = DRAINING
        return (SendFrame(frames.Drain(after_ms)),)

    def closed(self) -> None:
        """The socket is gone."""
        self.state = CLOSED

    def _check_standing(self, now: float, now_ms: int) -> None:
        if self._ends_at_ms is not None and now_ms >= self._ends_at_ms:
            raise AuthenticationRefused(
                CATALOGUE["token_expired"].text, kind="token_expired", point=validation.SESSION_TOKEN_EXPIRED
            )
        if not self._rate.take(now):
            raise LimitRefused(
                CATALOGUE["rate_limited"].text, retry_after_ms=self._rate.wait_ms(), point=validation.SESSION_RATE
            )

    def _step(self, frame: frames.AnyClientFrame, now_ms: int) -> Effect | tuple[Effect, ...]:
        if self.state == WAITING:
            if isinstance(frame, frames.Authenticate):
                return Authenticate(frame.token)
            raise AuthenticationRefused(
                "Not signed in yet: the first frame must authenticate.",
                point=validation.SESSION_UNAUTHENTICATED,
            )
        if isinstance(frame, frames.ExecuteAgent):
            return self._execute(frame)
        if isinstance(frame, frames.Ping):
            return self._ping(frame, now_ms)
        if isinstance(frame, (frames.Ack, frames.Authenticate)):  # the socket's own flow control steers what is sent
            return ()
        return Handle(frame)

    def _ping(self, frame: frames.Ping, now_ms: int) -> Effect:
        if frame.force_factory_recreation is not None or frame.ssot_validation_level is not None:
            raise FrameRefused(
                "Factory SSOT validation failed: clients cannot control factories.",
                kind="factory_command_refused",
                field=(
                    "force_factory_recreation"
                    if frame.force_factory_recreation is not None
                    else "ssot_validation_level"
                ),
                point=validation.SESSION_FACTORY_COMMAND,
            )
        return SendFrame(frames.Pong(server_time=now_ms, id=frame.id))

    def _execute(self, frame: frames.ExecuteAgent) -> Effect:
        if frame.thread_id is not None:
            try:
                check_id("thread_id", frame.thread_id)
            except InvalidContextError as fault:
                raise InvalidContextError(
                    f"Factory SSOT validation failed: {fault.message}",
                    field="thread_id",
                    point=validation.SESSION_THREAD_ID,
                ) from None
        if frame.supersedes is not None:
            check_id("supersedes", frame.supersedes)
        for file_id in file_ids_of(frame.parts):
            check_id("parts.file_id", file_id)
        if frame.context is not None:
            self._check_context(frame.context)
        if frame.user_id is not None and frame.user_id != self.user_id:
            raise IsolationRefused(
                "SSOT isolation: the request names another user.",
                field="user_id",
                hint="Leave the user id out: your token says who you are.",
                point=validation.SESSION_USER_ID,
            )
        if _TIMEZONE(frame.timezone) is None:
            raise FrameRefused(
                "The time zone is not an IANA name, such as Europe/Berlin.",
                field="timezone",
                point=validation.SESSION_TIMEZONE,
            )
        if frame.stress_ssot_isolation:
            if not self._drills:
                raise IsolationRefused(
                    "SSOT isolation drills are not allowed on this server.",
                    kind="drill_refused",
                    field="stress_ssot_isolation",
                    point=validation.SESSION_DRILL,
                )
            return Handle(Drill(frame.id))
        if self.state == DRAINING:
            raise LimitRefused(
                "The server is shutting down.",
                kind="draining",
                retry_after_ms=1000,
                point=validation.SESSION_DRAINING,
            )
        return Handle(frame)

    def _check_context(self, context: dict[str, object]) -> None:
        for field, value in context.items():
            if field == "audit_metadata":
                continue
            if field not in _CONTEXT_FIELDS:
                raise InvalidContextError(
                    f"SSOT context validation failed: the context has an unknown field {field[:64]!r}",
                    field="context",
                    point=validation.SESSION_CONTEXT_SHAPE,
                )
            try:
                check_id(field, value)
            except InvalidContextError as fault:
                raise InvalidContextError(
                    f"SSOT context validation failed: {fault.message}",
                    field=f"context.{field}",
                    point=validation.SESSION_CONTEXT_IDS,
                ) from None
        if context.get("user_id", self.user_id) != self.user_id:
            raise IsolationRefused(
                "SSOT isolation: the context names another user.",
                field="context.user_id",
                hint="Leave the context out: your token says who you are.",
                point=validation.SESSION_CONTEXT_USER,
            )
        if context.get("connection_id", self._connection_id) != self._connection_id:
            raise IsolationRefused(
                "SSOT isolation: context.connection_id is not the one of this connection.",
                field="context.connection_id",
                hint="Leave context out: events go to all connections of your own.",
                point=validation.CONTEXT_CONNECTION,
            )

    def _refused(self, refusal: Refusal, raw: bytes | str, now: float) -> tuple[Effect, ...]:
        said = SendError(refusal, frames.key_of(raw))
        kind = refusal.entry.id
        if kind in _FAULTS:
            self._faults.append(now)
            if len(self._faults) == self._limits.faults and now - self._faults[0] <= self._limits.fault_window_s:
                return (said, *self._close("too_many_faults", told=True))
            return (said,)
        if kind == "rate_limited":
            if now - self._over_since > self._limits.fault_window_s:
                self._over_since = now
                self._over_rate = 0
            self._over_rate += 1
            return (said, *self._close(kind, told=True)) if self._over_rate > self._limits.rate_refusals else (said,)
        if isinstance(refusal, AuthenticationRefused):
            return (said, *self._close(kind, told=True))
        return (said,)

    def _close(self, kind: str, *, told: bool = False) -> tuple[Effect, ...]:
        self.state = CLOSED
        entry = CATALOGUE[kind]
        assert entry.close_code is not None, kind
        close = Close(entry.close_code, kind)
        if told:
            return (close,)
        return (SendFrame(frames.ErrorFrame(kind, entry.text, entry.hint, entry.retryable)), close)
