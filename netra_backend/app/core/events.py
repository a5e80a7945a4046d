"""What happens in a thread, as it is stored and as it is sent: one JSON object an event.

``call_id`` names a call, a model request or a step within its thread: ``{run_id}:{n}`` (in runs of journal 1 ``call_{n}``,
``model_{n}`` and ``say_{n}``, in each run anew). ``step`` is the key under which the journal finds it (``core.step_keys``), on
the event that begins it; where a secret in that is hidden, ``fingerprint`` is a digest of what was asked for (``core.asks``).
``parent_call_id`` is the step of the agent on whose behalf it happens, if another agent asked that one.
An absent ``message_id`` means that the ``request_id`` or the ``call_id`` names the message.

An event's position is ``{epoch, seq}``: ``seq`` is 1, 2, 3 … without holes, per thread; ``epoch`` changes when the history
was reset or restored. The same position is the same bytes for every reader.
"""

from __future__ import annotations

from typing import Any, Final, get_args

import msgspec

from .blobs import BlobRef


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
    """A request was stored. ``parts`` are those of its message (``core.message_parts``), absent if it is one text.
    ``client_run_id`` is the client's own name for the run. ``plan`` is the plan that its sign-in named, which the run has to its
    end."""

    request_id: str
    agent: str
    text: str
    message_id: str = ""
    client_run_id: str = ""
    parts: list[dict[str, Any]] = []
    plan: str = ""


class RunSuperseded(Event, frozen=True, tag="run_superseded"):
    """The run, and what began after it in its thread, counts no more: its user edited the message, or asked again. The run ``by``
    stands in their place; its ``user_message`` is the event before this one. ``since`` is the position of the ``user_message``
    of the run that this event is about."""

    by: str
    since: int


class RunQueued(Event, frozen=True, tag="run_queued"):
    """The run waits; ``queue_position`` 1 is next."""

    agent: str
    queue_position: int


class AgentStarted(Event, frozen=True, tag="agent_started"):
    """The run began. ``journal`` is the version of what it records, ``agent_version`` that of the agent's code."""

    agent: str
    request_id: str
    journal: int = 1
    agent_version: str = ""


class RunResumed(Event, frozen=True, tag="run_resumed"):
    """The run goes on from its journal, in a process that is about to begin it for the ``beginning``-th time."""

    beginning: int


class RunSuspended(Event, frozen=True, tag="run_suspended"):
    """A run that was resumed has got as far as it can for now: ``reason`` is ``waiting`` (for its user or a time), or
    ``draining`` (its process leaves it to another). With ``wake_ms`` it goes on at that time (ms since 1970 UTC), until when no
    process has it in memory."""

    reason: str
    wake_ms: int = 0


class AgentThinking(Event, frozen=True, tag="agent_thinking"):
    """What the agent considers."""

    text: str
    step: str = ""
    parent_call_id: str = ""
    fingerprint: str = ""


class ToolExecuting(Event, frozen=True, tag="tool_executing"):
    """A tool is about to be called; secrets in ``arguments`` are redacted. If a model asked for the call, ``provider_call_id`` is
    the provider's id of it, and ``requested_by`` the ``call_id`` of the model request."""

    call_id: str
    tool: str
    arguments: dict[str, Any]
    step: str = ""
    provider_call_id: str = ""
    requested_by: str = ""
    parent_call_id: str = ""
    fingerprint: str = ""


class ToolCompleted(Event, frozen=True, tag="tool_completed"):
    """A tool call ended: ``result`` where ``ok``, else ``error`` = {code, message, hint, …}. ``recorded`` names the exact result
    of a tool of an agent's framework, if it is not the one that is shown."""

    call_id: str
    tool: str
    ok: bool
    elapsed_ms: int
    result: Any = None
    error: dict[str, Any] | None = None
    recorded: BlobRef | None = None


class AgentDelta(Event, frozen=True, tag="agent_delta"):
    """A part of a message: the texts of its parts, joined, are its text. What is streamed again after a takeover has a higher
    ``attempt``; readers drop the lower. ``kind`` is ``text`` if it is absent, else ``reasoning`` or ``tool_arguments``.

    In runs of journal 1 ``done`` marks a call's last part, with its ``usage``, or with the ``error`` that ended it; later ones
    have ``model_completed`` for that."""

    call_id: str
    attempt: int
    text: str
    done: bool = False
    usage: dict[str, Any] | None = None
    error: str | None = None
    kind: str = ""
    message_id: str = ""
    step: str = ""
    parent_call_id: str = ""
    fingerprint: str = ""


class ModelStarted(Event, frozen=True, tag="model_started"):
    """A language model is about to be asked; committed before the first byte is sent. ``fingerprint`` is that of the request."""

    call_id: str
    attempt: int
    model: str
    step: str
    fingerprint: str = ""
    parent_call_id: str = ""


class ModelCompleted(Event, frozen=True, tag="model_completed"):
    """A model request ended: ``finish_reason`` is stop, length, tool_calls, error, replaced or cancelled. ``attempt`` is that of
    the parts that count. ``recorded`` names the exact response, if an agent's framework asked for it."""

    call_id: str
    attempt: int
    finish_reason: str
    usage: dict[str, Any] | None = None
    error: str | None = None
    recorded: BlobRef | None = None


class StepStarted(Event, frozen=True, tag="step_started"):
    """A step of the agent's own (``kind`` ``step``), or another agent that it asked (``agent``), or a value that it reads or
    writes (``state``), or a pause (``sleep``) until ``wake_ms`` (ms since 1970 UTC), began. A step that is tried again has a
    higher ``attempt``."""

    call_id: str
    kind: str
    name: str
    step: str
    attempt: int = 1
    parent_call_id: str = ""
    wake_ms: int = 0
    fingerprint: str = ""


class StepFinished(Event, frozen=True, tag="step_finished"):
    """A step ended: ``error`` is {code, message, hint} unless ``ok``. ``recorded`` names its result."""

    call_id: str
    ok: bool
    elapsed_ms: int
    attempt: int = 1
    error: dict[str, Any] | None = None
    recorded: BlobRef | None = None


class StepRecorded(Event, frozen=True, tag="step_recorded"):
    """An agent's framework keeps the blob ``recorded`` under this ``name``, such as a checkpoint: it was done at once, and is of
    interest to nobody else."""

    call_id: str
    name: str
    step: str
    recorded: BlobRef


class SecretUsed(Event, frozen=True, tag="secret_used"):
    """The run was given the secret of this name for the first time, for the step ``call_id``."""

    call_id: str
    name: str


class StateChanged(Event, frozen=True, tag="state_changed"):
    """A value that the agent shows was set, or removed if ``value`` is absent; secrets in it are redacted. ``scope`` is
    ``thread`` or ``user``; ``call_id`` is the step that did it."""

    call_id: str
    scope: str
    key: str
    value: Any = None


class ApprovalRequested(Event, frozen=True, tag="approval_requested"):
    """A tool call waits for its user's approval: the question ``approval_id``, answered as ``response_schema`` says. ``reason``
    is why its tool asks, if it says so."""

    approval_id: str
    call_id: str
    tool: str
    arguments: dict[str, Any]
    arguments_hash: str
    expires_at: int
    step: str = ""
    parent_call_id: str = ""
    reason: str = ""
    response_schema: dict[str, Any] | None = None
    fingerprint: str = ""


class ApprovalResolved(Event, frozen=True, tag="approval_resolved"):
    """The decision: ``decision`` is approve, deny, expired, or cancelled if the agent did not wait for it; ``by`` is the
    connection that decided, ``expiry`` or ``agent``. With ``arguments`` the call is made with those instead; with ``remember``
    the run asks about this tool no more. ``recorded`` names the exact answer if secrets in it are redacted here."""

    approval_id: str
    decision: str
    by: str
    reason: str = ""
    arguments: dict[str, Any] | None = None
    remember: bool = False
    recorded: BlobRef | None = None


class QuestionAsked(Event, frozen=True, tag="question_asked"):
    """The agent asks its user, and waits until ``expires_at`` for an answer that fits ``schema`` (JSON Schema); without one any
    JSON is an answer."""

    question_id: str
    text: str
    expires_at: int
    call_id: str
    step: str
    schema: dict[str, Any] | None = None
    parent_call_id: str = ""
    fingerprint: str = ""


class QuestionAnswered(Event, frozen=True, tag="question_answered"):
    """The answer of the connection ``by``; without one ``by`` is ``expiry`` (nobody answered in time), or ``agent`` (it did not
    wait any more). ``recorded`` names the exact answer if secrets in it are redacted here."""

    question_id: str
    by: str
    answer: Any = None
    recorded: BlobRef | None = None


class AgentCompleted(Event, frozen=True, tag="agent_completed"):
    """The run ended well, ``elapsed_ms`` after its request was accepted: waiting and restarts are counted. ``usage`` is the sum
    of ``usage_by_model``. If the result was streamed, ``message_id`` is the message that it is, or begins with; else it is a
    message of its own."""

    result: dict[str, Any]
    usage: dict[str, Any]
    elapsed_ms: int
    message_id: str = ""
    finish_reason: str = "stop"
    usage_by_model: list[dict[str, Any]] = []


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


class OtherEvent(Event, frozen=True, tag=False):
    """An event of a kind that this version does not know. It has its place, and readers skip it."""

    type: str


KnownEvent = (
    UserMessage
    | RunSuperseded
    | RunQueued
    | AgentStarted
    | RunResumed
    | RunSuspended
    | AgentThinking
    | ToolExecuting
    | ToolCompleted
    | AgentDelta
    | ModelStarted
    | ModelCompleted
    | StepStarted
    | StepFinished
    | StepRecorded
    | SecretUsed
    | StateChanged
    | ApprovalRequested
    | ApprovalResolved
    | QuestionAsked
    | QuestionAnswered
    | AgentCompleted
    | AgentFailed
    | AgentCancelled
)

AnyEvent = KnownEvent | OtherEvent

TERMINAL: Final = (AgentCompleted, AgentFailed, AgentCancelled)
"""A run ends in exactly one of these."""

FIVE: Final = ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed")
"""What a run that ends well shows its user."""

_ENCODER = msgspec.json.Encoder(decimal_format="string")
_DECODER: msgspec.json.Decoder[KnownEvent] = msgspec.json.Decoder(KnownEvent)
_OTHER: Final = msgspec.json.Decoder(OtherEvent)
_KNOWN: Final = frozenset(str(kind.__struct_config__.tag) for kind in get_args(KnownEvent))

encode_event: Final = _ENCODER.encode
"""An event's bytes: what is stored is what is sent."""


def decode_event(payload: bytes) -> AnyEvent:
    """The event of these stored bytes, without the fields that this version does not know. Raises ``msgspec.DecodeError`` if they
    are not an event."""
    try:
        return _DECODER.decode(payload)
    except msgspec.ValidationError:
        other = _OTHER.decode(payload)
        if other.type in _KNOWN:
            raise
        return other
