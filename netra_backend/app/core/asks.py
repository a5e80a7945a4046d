"""What an agent asks of its run, as it is compared on a replay with what was recorded.

Where a secret is hidden in what was recorded, a digest of what was asked stands beside it. The digest is of one run alone: the
same words of another run have another one.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from .events import (
    AgentDelta,
    AgentThinking,
    AnyEvent,
    ApprovalRequested,
    ModelStarted,
    QuestionAsked,
    StepStarted,
    ToolExecuting,
)
from .repaired_text import repaired

_HIDDEN: Final = "hidden:"  # no other key begins like this: it is no kind of steps, and a branch has no colon


class Thought(msgspec.Struct, frozen=True):
    """``think(text)``."""

    text: str


class Saying(msgspec.Struct, frozen=True):
    """``say(text)``."""

    text: str


class ToolCall(msgspec.Struct, frozen=True):
    """``use_tool(tool, **arguments)``, the arguments as shown (redacted)."""

    tool: str
    arguments: dict[str, Any]


class ModelCall(msgspec.Struct, frozen=True):
    """``ask_model(…)``, by the fingerprint of the request; one that was recorded without a fingerprint is like any other."""

    fingerprint: str = ""


class OwnStep(msgspec.Struct, frozen=True):
    """``step(name, body)``, or another agent that was asked, or a value that is read or written, or a pause."""

    kind: str
    name: str


class Question(msgspec.Struct, frozen=True):
    """``ask_user(text, schema=…)``."""

    text: str
    schema: dict[str, Any] | None = None


Ask = Thought | Saying | ToolCall | ModelCall | OwnStep | Question


def ask_of(event: AnyEvent) -> Ask | None:
    """What the agent asked for by which this event was recorded, if it begins a step."""
    if isinstance(event, AgentThinking):
        return Thought(event.text)
    if isinstance(event, ToolExecuting | ApprovalRequested):
        return ToolCall(event.tool, event.arguments)
    if isinstance(event, ModelStarted):
        return ModelCall(event.fingerprint)
    if isinstance(event, StepStarted):
        return OwnStep(event.kind, event.name)
    if isinstance(event, QuestionAsked):
        return Question(event.text, event.schema)
    if isinstance(event, AgentDelta) and event.step:
        return Saying(event.text)
    return None


def hidden_key(run_id: str, key: str) -> str:
    """What is recorded in place of a step's key that nobody is to see."""
    return _HIDDEN + _digest(run_id, key)


def is_hidden(key: str) -> bool:
    """Whether this stands in a key's place."""
    return key.startswith(_HIDDEN)


def fingerprint(run_id: str, ask: Ask) -> str:
    """Tells what a run asks for from all else. Raises ``TypeError`` or ``ValueError`` if it is not JSON."""
    return _digest(run_id, msgspec.to_builtins(_as_recorded(ask)))


def is_same(recorded: Ask, asked: Ask, run_id: str = "", recorded_fingerprint: str = "") -> bool:
    """Whether what is asked is what was recorded: by its fingerprint, if it was recorded with one."""
    if type(recorded) is ModelCall and type(asked) is ModelCall:
        return recorded.fingerprint in ("", asked.fingerprint)
    if type(recorded) is not type(asked):
        return False
    try:  # what was asked is Python, what was recorded has been JSON
        if recorded_fingerprint:
            return fingerprint(run_id, asked) == recorded_fingerprint
        return recorded == asked or recorded == _as_recorded(asked)
    except (TypeError, ValueError):
        return False


def _as_recorded(ask: Ask) -> Ask:
    built = repaired(msgspec.to_builtins(ask, str_keys=True))
    return msgspec.convert(msgspec.json.decode(msgspec.json.encode(built)), type(ask))


def _digest(run_id: str, value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode((run_id, value), order="sorted")).hexdigest()
