"""Questions to users: their ids, what is said about one, and what an approval, which is one of them, is answered with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from .events import ApprovalRequested, ApprovalResolved, QuestionAnswered, QuestionAsked
from .frames import MAX_REASON, AnswerQuestion, ResolveApproval

EXPIRY: Final = "expiry"
"""Who ended a question that nobody answered in time."""

AGENT: Final = "agent"
"""Who ended a question that its agent did not wait for any more."""

CANCELLED: Final = "cancelled"
"""The decision about a call whose agent did not wait for it any more."""

RESPONSE_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "decision": {"enum": ["approve", "deny"]},
        "reason": {"type": "string", "maxLength": MAX_REASON},
        "arguments": {"type": "object"},
        "remember": {"type": "boolean"},
    },
    "required": ["decision"],
    "additionalProperties": False,
}
"""What an approval is answered with, beside the hash of the arguments that were shown."""

MOST_DEPTH: Final = 64
"""So many arrays and objects may be in each other in an answer, and in a schema."""

_APPROVAL: Final = "apr_"
_QUESTION: Final = "qst_"
_HASH: Final = "arguments_hash"


def question_id_of(run_id: str, call_id: str) -> str:
    """The id of what a run asks its user in this step. As hard to guess as the run's own."""
    return f"{_QUESTION}{run_id}.{call_id.removeprefix(f'{run_id}:')}"


def approval_id_of(run_id: str, call_id: str) -> str:
    """The same of what it asks about one of its calls. Processes of 0.1.0 read the run from it, too."""
    return f"{_APPROVAL}{run_id}.{call_id.removeprefix(f'{run_id}:')}"


def is_approval(question_id: str) -> bool:
    """Whether it is about a call."""
    return question_id.startswith(_APPROVAL)


def run_id_of(question_id: str) -> str:
    """The run that asks; empty if it is the id of no question."""
    return question_id.removeprefix(_APPROVAL).removeprefix(_QUESTION).rpartition(".")[0]


class Said(msgspec.Struct, frozen=True):
    """An answer as its user gave it. That to an approval has only what it means (``RESPONSE_SCHEMA``), and counts for the
    arguments of ``arguments_hash``, if there is one. ``field`` is what its frame calls the question."""

    question_id: str
    answer: Any
    arguments_hash: Any = None
    field: str = "question_id"

    def is_same(self, answer: Any) -> bool:
        """Whether this one has the same bytes as JSON, whatever the order of its members."""
        return canonical(self.answer) == canonical(answer)


def canonical(answer: Any) -> bytes:
    """An answer's JSON, with its members in order."""
    return msgspec.json.encode(answer, order="sorted")


def is_too_deep(value: Any) -> bool:
    """Whether more than ``MOST_DEPTH`` arrays and objects are in each other."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MOST_DEPTH):
        members = [item for each in level for item in (each.values() if isinstance(each, dict) else each)]
        level = [item for item in members if isinstance(item, dict | list)]
    return bool(level)


def _bounded(answer: Any) -> Any:
    """The answer, or one that is just too deep in place of one that nothing could go down into."""
    if not is_too_deep(answer):
        return answer
    deep: list[Any] = []
    for _ in range(MOST_DEPTH):
        deep = [deep]
    return deep


def said_of(frame: AnswerQuestion | ResolveApproval) -> Said:
    """What a client's frame says. What is deeper than any answer may be stays so, and no more than that."""
    if isinstance(frame, ResolveApproval):
        parts = {"decision": frame.decision, "reason": frame.reason, "remember": frame.remember}
        answer = _meant(parts if frame.arguments is None else {**parts, "arguments": _bounded(frame.arguments)})
        return Said(frame.approval_id, answer, frame.arguments_hash, "approval_id")
    answer = _bounded(frame.answer)
    if not is_approval(frame.question_id) or not isinstance(answer, dict):
        return Said(frame.question_id, answer)
    return Said(frame.question_id, _meant({name: answer[name] for name in answer if name != _HASH}), answer.get(_HASH))


def _meant(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Without what says nothing: to ``deny``, arguments and ``remember`` add nothing."""
    denied = parts.get("decision") == "deny"
    empty = {"reason": "", "remember": False}
    return {
        name: value
        for name, value in parts.items()
        if not (denied and name in ("arguments", "remember")) and not (name in empty and value == empty[name])
    }


def question_in(event: ApprovalRequested | ApprovalResolved | QuestionAsked | QuestionAnswered) -> str:
    """The id of the question that an event asks or answers."""
    return event.approval_id if isinstance(event, ApprovalRequested | ApprovalResolved) else event.question_id


def answer_shown(event: ApprovalResolved | QuestionAnswered) -> Any:
    """The answer that an event shows. If it has a blob, that one is the exact answer."""
    if isinstance(event, QuestionAnswered):
        return event.answer
    parts = {"decision": event.decision, "reason": event.reason, "remember": event.remember}
    return _meant(parts if event.arguments is None else {**parts, "arguments": event.arguments})
