"""What travels over a connection besides events: client frames in, control frames out (the wire protocol, 3 and 4)."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from . import validation
from .errors import FrameRefused, NetraError
from .events import Position
from .frame_key import key_in
from .message_parts import Parts

PROTOCOL: Final = 1
MAX_KEY: Final = 64
MAX_FIELD: Final = 128
MAX_REASON: Final = 2_000

Key = Annotated[str, Meta(min_length=1, max_length=MAX_KEY)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]
Positions = Annotated[dict[str, Position], Meta(max_length=1000)]


class ClientFrame(msgspec.Struct, frozen=True, tag_field="type", forbid_unknown_fields=True):
    """Base of what a client may send."""


class Authenticate(ClientFrame, frozen=True, tag="authenticate"):
    token: Annotated[str, Meta(max_length=16384)]


class ExecuteAgent(ClientFrame, frozen=True, tag="execute_agent"):
    """Start a run. Every id in it is a claim: judged, never trusted.

    The request is the ``message``, or the ``parts``, or both. Without an ``agent`` the server's default one answers it, or finds
    who does. ``supersedes`` is a run of the thread: this message stands in its
    place, and what followed it counts no more. ``client_run_id`` is the client's own name for the run."""

    agent: Name | None = None
    message: Annotated[str, Meta(min_length=1)] = ""
    id: Key | None = None
    thread_id: str | None = None
    user_id: str | None = None
    context: dict[str, Any] | None = None
    policy: Literal["enqueue", "reject", "interrupt"] = "enqueue"
    timezone: Annotated[str, Meta(max_length=64)] = "UTC"
    stress_ssot_isolation: bool = False
    parts: Parts = ()
    supersedes: str | None = None
    client_run_id: Annotated[str, Meta(max_length=MAX_FIELD)] = ""

    def __post_init__(self) -> None:
        if not self.message and not self.parts:
            raise ValueError("Object missing required field `message` or `parts`")


class CancelRun(ClientFrame, frozen=True, tag="cancel_run"):
    run_id: str
    id: Key | None = None


Reason = Annotated[str, Meta(max_length=MAX_REASON)]


class ResolveApproval(ClientFrame, frozen=True, tag="resolve_approval", omit_defaults=True):
    """Decide about a call whose arguments have this hash. To ``approve`` may have other ``arguments`` for it, which its tool must
    take; with ``remember`` the run asks about this tool no more. The agent gets the ``reason``."""

    approval_id: str
    decision: Literal["approve", "deny"]
    arguments_hash: Annotated[str, Meta(max_length=128)]
    id: Key | None = None
    reason: Reason = ""
    arguments: dict[str, Any] | None = None
    remember: bool = False


class AnswerQuestion(ClientFrame, frozen=True, tag="answer_question", omit_defaults=True):
    """Answer a question as its schema says. An approval is one: its answer has ``decision`` and, if wanted, ``reason``,
    ``arguments``, ``remember`` and ``arguments_hash``."""

    question_id: str
    answer: Any
    id: Key | None = None


class Resume(ClientFrame, frozen=True, tag="resume"):
    positions: Positions
    id: Key | None = None


class Ack(ClientFrame, frozen=True, tag="ack"):
    positions: Positions
    id: Key | None = None


class Ping(ClientFrame, frozen=True, tag="ping"):
    """The two last fields are known only to be refused: a client commands no factory."""

    id: Key | None = None
    force_factory_recreation: Any = None
    ssot_validation_level: Any = None


AnyClientFrame = Authenticate | ExecuteAgent | CancelRun | ResolveApproval | AnswerQuestion | Resume | Ack | Ping
CLIENT_TYPES: Final = (
    "authenticate",
    "execute_agent",
    "cancel_run",
    "resolve_approval",
    "answer_question",
    "resume",
    "ack",
    "ping",
)

_DECODER: msgspec.json.Decoder[AnyClientFrame] = msgspec.json.Decoder(AnyClientFrame)


class _Head(msgspec.Struct):
    type: Any = None
    id: Any = None


_HEAD = msgspec.json.Decoder(_Head)


_SURROGATE_HINT: Final = "Send each surrogate (\\ud800 to \\udfff) with its other half, or U+FFFD in its place."


def _has_surrogate(raw: bytes | str) -> bool:
    text = raw if isinstance(raw, bytes) else raw.encode(errors="replace")
    return b"\\ud" in text or b"\\uD" in text


def decode(raw: bytes | str) -> AnyClientFrame:
    """The client frame of this text.

    Raises ``FrameRefused``: ``invalid_json``, ``unknown_type`` or ``invalid_frame`` with the field that does not fit.
    """
    try:
        return _DECODER.decode(raw)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError, UnicodeError) as fault:
        problem = str(fault)
    head = _Head()
    try:
        head = _HEAD.decode(raw)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError, UnicodeError):
        raise FrameRefused(
            "The frame is not a JSON object.",
            kind="invalid_json",
            hint=_SURROGATE_HINT if _has_surrogate(raw) else None,
            point=validation.FRAME_JSON,
        ) from None
    if head.type not in CLIENT_TYPES:
        raise FrameRefused(
            f"Unknown frame type. Known types: {', '.join(CLIENT_TYPES)}.",
            kind="unknown_type",
            field="type",
            point=validation.FRAME_TYPE,
        )
    # The problem quotes names that the client chose, so what is told of it is bounded.
    field = problem.rpartition("`$.")[2].rstrip("`")[:MAX_FIELD] if "`$." in problem else None
    raise FrameRefused(
        f"The fields of {head.type} are not valid: {problem[:200]}", field=field, point=validation.FRAME_FIELDS
    )


def key_of(raw: bytes | str) -> str | None:
    """The idempotency key of a rejected frame, if it has a usable one, so that its sender can match the answer. The frame may
    be cut off, or broken behind its key."""
    key = key_in(raw if isinstance(raw, str) else raw.decode(errors="replace"))
    return key if key is not None and len(key) <= MAX_KEY else None


class ServerFrame(msgspec.Struct, frozen=True, tag_field="type", omit_defaults=True):
    """Base of what the server says besides events."""


class Connected(ServerFrame, frozen=True, tag="connected"):
    connection_id: str
    user_id: str
    protocol: int
    heartbeat_ms: int
    limits: dict[str, int]


class Accepted(ServerFrame, frozen=True, tag="accepted"):
    """The request is stored. ``id`` is the client's own key."""

    id: str | None = None
    thread_id: str | None = None
    epoch: str | None = None
    run_id: str | None = None
    seq: int | None = None


class Live(ServerFrame, frozen=True, tag="live"):
    """Everything up to here was sent; what follows comes as it happens.

    ``id`` is that of the ``resume`` that named the thread. Without one it gives the top of a thread that was not named."""

    thread_id: str
    epoch: str
    seq: int
    id: str | None = None


class Reset(ServerFrame, frozen=True, tag="reset"):
    """The asked position is gone: forget the thread and take it from ``oldest``."""

    thread_id: str
    epoch: str
    oldest: int
    top: int
    id: str | None = None


class Pong(ServerFrame, frozen=True, tag="pong"):
    server_time: int
    id: str | None = None


class Heartbeat(ServerFrame, frozen=True, tag="heartbeat"):
    """``tops``: the newest position of threads with recent events; a lost tail shows no gap, so heartbeats announce it."""

    tops: dict[str, int]


class Drain(ServerFrame, frozen=True, tag="drain"):
    after_ms: int


class ErrorFrame(ServerFrame, frozen=True, tag="error"):
    error: str
    message: str
    hint: str
    retryable: bool
    field: str | None = None
    retry_after_ms: int | None = None
    id: str | None = None
    run_id: str | None = None
    code: int | None = None
    error_id: str | None = None


encode_frame: Final = msgspec.json.Encoder().encode


def error_frame(
    error: NetraError, *, id: str | None = None, run_id: str | None = None, error_id: str | None = None
) -> ErrorFrame:
    """The ``error`` frame of an error."""
    entry = error.entry
    return ErrorFrame(
        error=entry.id,
        message=error.message,
        hint=error.hint,
        retryable=entry.retryable,
        field=error.field,
        retry_after_ms=error.retry_after_ms,
        id=id,
        run_id=run_id,
        code=entry.code,
        error_id=error_id,
    )
