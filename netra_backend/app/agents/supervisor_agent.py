"""The agent that is asked if a request names none: it has the message understood, and has the agent answer that can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from ..core.errors import BudgetRefused, DependencyUnavailable
from ..usage.markdown import text as safe
from .choice import MAX_TOKENS, SYSTEM, chosen, question_for
from .interface import AgentListed, AgentResult, PastMessage, RunScope
from .triage.llm_intent import part_of
from .triage_agent import ANSWERS, UNDERSTANDS

NAME: Final = "supervisor"
_FEW_WORDS: Final = 6
_NOT_UNDERSTOOD: Final = AgentResult("You can ask no agent that answers this.", {"next": {"agent": ANSWERS}})
"""Of users whose plan has nobody who understands."""

_KEY: Final = "supervisor"
"""Where the result's data says which agent answered, and why that one."""


class _Choice(NamedTuple):
    """Who answers which message. Nobody does if ``agent`` is empty; the user chooses among those ``offered``, if there are some.
    ``fallback``: why it was not the model that chose. ``is_kept``: the message is the one before this one."""

    agent: str
    message: str
    by: str
    fallback: str | None = None
    offered: tuple[str, ...] = ()
    is_kept: bool = False

    def told(self) -> dict[str, Any]:
        """What the result's data says of it."""
        told: dict[str, Any] = {"answered_by": self.agent or None, "chosen_by": self.by, "fallback": self.fallback}
        return {**told, "offered": list(self.offered)} if self.offered else told


class Supervisor:
    """Has ``triage_agent`` understand the message, runs the agent that answers it, and passes its answer on."""

    name = NAME
    description = "Answers what you ask: understands it, and has the agent answer that can."
    tools: frozenset[str] = frozenset()
    hands_on_tools = True
    history_messages = 20

    async def run(self, scope: RunScope) -> AgentResult:
        """The answer of the agent that was chosen, with ``data.supervisor`` beside its data: ``answered_by``, ``chosen_by``
        (``user``, ``model`` or ``rule``), and ``fallback``: why a model that there is did not choose."""
        listed = await scope.agents()
        answering = [each for each in listed if each.name not in (NAME, UNDERSTANDS)]
        if (named := _named(scope, answering)) is not None:
            return await _answer(scope, named, ())
        understood = _NOT_UNDERSTOOD
        if any(each.name == UNDERSTANDS for each in listed):
            understood = await scope.run_agent(UNDERSTANDS, scope.message)
        choice = await _chosen(scope, understood.data, answering)
        if choice.agent:
            return await _answer(scope, choice, part_of(understood.data) if choice.agent == ANSWERS else ())
        if choice.offered:
            return _which(choice, [each for each in answering if each.name in choice.offered])
        return AgentResult(understood.text, {**understood.data, _KEY: choice.told()})


async def _answer(scope: RunScope, choice: _Choice, more: Sequence[Mapping[str, Any]]) -> AgentResult:
    given = [*(await _parts_before(scope) if choice.is_kept else ()), *scope.parts]
    others = [*(part for part in given if part["type"] != "text"), *more]
    parts = [{"type": "text", "text": choice.message}, *others] if others else None
    result = await scope.run_agent(choice.agent, choice.message, parts=parts)
    return AgentResult(result.text, {**result.data, _KEY: choice.told()})


# --- who answers -----------------------------------------------------------------------------------------------------


def _named(scope: RunScope, answering: Sequence[AgentListed]) -> _Choice | None:
    """The agent that the user names: by ``@name`` before the message, or in reply to the question which one it is for."""
    names = [each.name for each in answering]
    words = scope.message.split(None, 1)
    if len(words) == 2 and words[0][0] == "@" and words[0][1:] in names:
        return _Choice(words[0][1:], words[1], "user")
    offered, before = _told(scope.history).get("offered"), _last(scope.history, "user")
    said = scope.message.casefold().split()
    if not isinstance(offered, list) or before is None or len(said) > _FEW_WORDS:
        return None
    picked = [name for name in names if name in offered and name.casefold() in said]
    return _Choice(picked[0], before.text, "user", is_kept=True) if len(picked) == 1 else None


async def _chosen(scope: RunScope, understood: Mapping[str, Any], answering: Sequence[AgentListed]) -> _Choice:
    names = [each.name for each in answering]
    others = [name for name in names if name != ANSWERS]
    by_rule = (understood.get("next") or {}).get("agent")
    by_rule = by_rule if by_rule in names else ""
    fallback = None
    if others and scope.has_model:
        name, fallback = await _by_model(scope, answering)
        if name is not None:
            return _Choice(name or by_rule, scope.message, "model")
    last = _told(scope.history).get("answered_by")
    fitting = [last] if last in others else others
    if by_rule or understood.get("route") == "clarify" or not others:
        return _Choice(by_rule, scope.message, "rule", fallback)
    if len(fitting) == 1:
        return _Choice(fitting[0], scope.message, "rule", fallback)
    return _Choice("", scope.message, "rule", fallback, tuple(others))


async def _by_model(scope: RunScope, answering: Sequence[AgentListed]) -> tuple[str | None, str | None]:
    """The agent that the model chooses (``""``: none); ``None``, and why, if it does not."""
    before, answered_by = _last(scope.history, "user"), _told(scope.history).get("answered_by")
    prompt = question_for(
        scope.message, answering, before=before.text if before else "", answered_by=str(answered_by or "")
    )
    try:
        reply = await scope.ask_model(prompt, system=SYSTEM, max_tokens=MAX_TOKENS, shown=False)
    except (DependencyUnavailable, BudgetRefused) as fault:
        return None, fault.message
    name = chosen(reply.text, answering)
    return name, "The language model chose none of the agents." if name is None else None


def _which(choice: _Choice, others: Sequence[AgentListed]) -> AgentResult:
    question = "Which agent should answer this?"
    lines = [f"- {safe(each.name)}: {safe(each.description)}" for each in others]
    text = "\n".join([f"{question} Say its name: your message is kept.", "", *lines])
    return AgentResult(text, {"question": question, _KEY: choice.told()})


# --- what was said before --------------------------------------------------------------------------------------------


def _last(history: Sequence[PastMessage], role: str) -> PastMessage | None:
    return next((each for each in reversed(history) if each.role == role), None)


async def _parts_before(scope: RunScope) -> list[dict[str, Any]]:
    """The parts of the user's message before this one."""
    parts: list[dict[str, Any]] = []
    async for message in scope.messages:
        if message.role == "user":
            parts = message.parts
    return parts


def _told(history: Sequence[PastMessage]) -> Mapping[str, Any]:
    """What this agent's last answer in the thread says of itself."""
    last = _last(history, "agent")
    told = last.data.get(_KEY) if last is not None and isinstance(last.data, dict) else None
    return told if isinstance(told, dict) else {}
