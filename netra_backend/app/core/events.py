"""What happens in a thread, as it is stored and as it is sent: one JSON object an event.

An event's position is ``{epoch, seq}``: ``seq`` is 1, 2, 3 … without holes, per thread; ``epoch`` changes when the history
was reset or restored. The same position is the same bytes for every reader.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec


class Position(msgspec.Struct, frozen=True):
    """A place in a thread's history."""

    epoch: str
    seq: int


class Event(msgspec.Struct, frozen=True, tag_field="type", omit_defaults=True):
    """What every event carries: its place, and ``ts`` in milliseconds since 1970 UTC."""

    thread_id: str
    run_id: str
    seq: int
    ts: int


class UserMessage(Event, frozen=True, tag="user_message"):
    """A request was stored."""

    request_id: str
    agent: str
    text: str


class RunQueued(Event, frozen=True, tag="run_queued"):
    """The run waits; ``queue_position`` 1 is next."""

    agent: str
    queue_position: int


class AgentStarted(Event, frozen=True, tag="agent_started"):
    """The run began."""

    agent: str
    request_id: str


class AgentThinking(Event, frozen=True, tag="agent_thinking"):
    """What the agent considers."""

    text: str


class ToolExecuting(Event, frozen=True, tag="tool_executing"):
    """A tool is about to be called; secrets in ``arguments`` are redacted."""

    call_id: str
    tool: str
    arguments: dict[str, Any]


class ToolCompleted(Event, frozen=True, tag="tool_completed"):
    """A tool call ended: ``result`` where ``ok``, else ``error`` = {code, message, hint, …}."""

    call_id: str
    tool: str
    ok: bool
    elapsed_ms: int
    result: Any = None
    error: dict[str, Any] | None = None


class AgentDelta(Event, frozen=True, tag="agent_delta"):
    """A part of the answer. A model call that is streamed again after a takeover has a higher ``attempt``; readers drop
    the lower. ``done`` marks a call's last part, with its ``usage``, or with the ``error`` that ended it."""

    call_id: str
    attempt: int
    text: str
    done: bool = False
    usage: dict[str, Any] | None = None
    error: str | None = None


class ApprovalRequested(Event, frozen=True, tag="approval_requested"):
    """A tool call waits for its user's approval."""

    approval_id: str
    call_id: str
    tool: str
    arguments: dict[str, Any]
    arguments_hash: str
    expires_at: int


class ApprovalResolved(Event, frozen=True, tag="approval_resolved"):
    """The decision: ``decision`` is approve, deny or expired; ``by`` is the connection that decided, or ``expiry``."""

    approval_id: str
    decision: str
    by: str


class AgentCompleted(Event, frozen=True, tag="agent_completed"):
    """The run ended well."""

    result: dict[str, Any]
    usage: dict[str, Any]
    elapsed_ms: int


class AgentFailed(Event, frozen=True, tag="agent_failed"):
    """The run failed; ``error`` is an id of the catalogue, ``error_id`` is in the log, too."""

    error: str
    message: str
    hint: str = ""
    retryable: bool = False
    error_id: str = ""


class AgentCancelled(Event, frozen=True, tag="agent_cancelled"):
    """The run was stopped; ``by`` is ``user``, ``interrupt``, ``operator`` or ``timeout``."""

    by: str


AnyEvent = (
    UserMessage
    | RunQueued
    | AgentStarted
    | AgentThinking
    | ToolExecuting
    | ToolCompleted
    | AgentDelta
    | ApprovalRequested
    | ApprovalResolved
    | AgentCompleted
    | AgentFailed
    | AgentCancelled
)

TERMINAL: Final = (AgentCompleted, AgentFailed, AgentCancelled)
"""A run ends in exactly one of these."""

FIVE: Final = ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed")
"""What a run that ends well shows its user."""

_ENCODER = msgspec.json.Encoder(decimal_format="string")
_DECODER: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)

encode_event: Final = _ENCODER.encode
"""An event's bytes: what is stored is what is sent."""


def decode_event(payload: bytes) -> AnyEvent:
    """The event of these stored bytes. Raises ``msgspec.DecodeError`` if they are not an event."""
    return _DECODER.decode(payload)
