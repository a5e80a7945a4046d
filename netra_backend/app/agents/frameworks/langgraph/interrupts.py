"""``interrupt(…)`` in a graph is a question to the run's user."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from langgraph.types import Interrupt

from ....core.step_keys import Branch
from ...supervisor.branches import current, on_branch
from .results import shown

if TYPE_CHECKING:
    from ...supervisor.scope import EngineRunScope

_ANY: Final[dict[str, Any]] = {"not": {"type": "null"}}
"""LangGraph takes ``None`` for an answer that is missing."""

_DECISIONS: Final[dict[str, dict[str, Any]]] = {
    "approve": {},
    "edit": {
        "edited_action": {
            "type": "object",
            "required": ["name", "args"],
            "properties": {"name": {"type": "string"}, "args": {"type": "object"}},
        }
    },
    "reject": {"message": {"type": "string"}},
    "respond": {"message": {"type": "string"}},
}
"""What a decision of each type holds besides its type."""


async def answers_to(scope: EngineRunScope, interrupts: Sequence[Interrupt]) -> dict[str, Any]:
    """The user's answers, by the ids of the interrupts, all of which are asked at once. Raises ``ToolError`` if there is none in
    time."""
    asked = []
    for interrupt in interrupts:
        with on_branch(Branch(f"{current().path}interrupt.{interrupt.id}/")):
            asked.append(scope.ask_user(_text_of(scope, interrupt.value), schema=_schema_of(interrupt)))
    given = await asyncio.gather(*asked)
    return {interrupt.id: answer for interrupt, answer in zip(interrupts, given, strict=True)}


def _text_of(scope: EngineRunScope, value: Any) -> str:
    text = shown(value) or "?"
    most = scope.framework.most_question_bytes
    return text.encode(errors="replace")[:most].decode(errors="ignore")


def _schema_of(interrupt: Interrupt) -> dict[str, Any]:
    schema = interrupt.response_schema
    if isinstance(schema, dict):
        return schema
    match interrupt.value:
        case {"action_requests": [*calls], "review_configs": [*reviews]} if calls:
            with suppress(KeyError, TypeError):  # only looks like one
                return _review_of(calls, reviews)
    return _ANY


def _review_of(calls: Sequence[Any], reviews: Sequence[Any]) -> dict[str, Any]:
    """What LangChain's ``HumanInTheLoopMiddleware`` takes for an answer: a decision on each of the calls, in their order, of a
    type that the call's own review allows. It ends the run on anything else."""
    allowed = {each["action_name"]: each["allowed_decisions"] for each in reviews}
    decisions = {
        "type": "array",
        "prefixItems": [{"anyOf": [_decision(kind) for kind in allowed[call["name"]]]} for call in calls],
        "minItems": len(calls),
        "maxItems": len(calls),
    }
    return {"type": "object", "required": ["decisions"], "properties": {"decisions": decisions}}


def _decision(kind: str) -> dict[str, Any]:
    properties = {"type": {"const": kind}, **_DECISIONS.get(kind, {})}
    needed = [name for name in properties if name != "message" or kind == "respond"]
    return {"type": "object", "required": needed, "properties": properties}
