"""Judges the runs of frameworks' agents: by their events, and by what their model was asked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from netra_backend.app.core.events import (
    AgentCancelled,
    AgentCompleted,
    AgentDelta,
    AgentFailed,
    AnyEvent,
    ApprovalRequested,
    ModelCompleted,
    ModelStarted,
    QuestionAnswered,
    QuestionAsked,
    ToolCompleted,
    ToolExecuting,
    UserMessage,
)

from ..simulation.judge import EXPECTED_FAILURES
from ..simulation.workers import read_plan
from .framework_script import ASKED, CHARGES, FRAMEWORKS, OPENAI_AGENTS, Came, text_of_turn, turns_of
from .model_server import Asked

Run = tuple[UserMessage, Sequence[AnyEvent]]
"""What was asked, and all events of the run."""

_CHARGE: Final = "charge"
_GATE: Final = "gate"
_UNKNOWN: Final = "OUTCOME_UNKNOWN"


def number_of(result: Any) -> Any:
    """The number in a tool's recorded result, which LangGraph shows as the text of its message."""
    if isinstance(result, dict) and "content" in result:
        result = json.loads(result["content"])
    return result["number"]


def faults_of_framework_run(first: UserMessage, events: Sequence[AnyEvent]) -> Iterator[str]:
    """What is wrong with what the agent of a framework did that ``first`` asked."""
    plan, framework = read_plan(first.text), first.agent
    called = Counter((call.tool, call.arguments["number"]) for call in _acting(events))
    planned = {*((_CHARGE, number) for number in CHARGES), *([(_GATE, ASKED)] if framework == OPENAI_AGENTS else [])}
    if called - Counter(planned):
        yield f"made the calls {called} of {planned}"
    came = list(_came(events))
    said = list(_said(events))
    wanted = [text_of_turn(plan, turn, came) for turn in turns_of(framework)]
    if said != wanted[: len(said)]:
        yield f"said {said} where {wanted} was the script"
    questions = [event.text for event in events if isinstance(event, QuestionAsked)]
    if questions not in ([], [plan.text(ASKED)]):
        yield f"asked {questions}"
    last = events[-1]
    if isinstance(last, AgentCompleted) and (len(said) != len(wanted) or last.result.get("text") != wanted[-1]):
        yield f"came to {last.result.get('text')} where {wanted[-1]} was the script"
    if isinstance(last, AgentFailed) and last.error not in EXPECTED_FAILURES:
        yield f"failed: {last.error}: {last.message}"


def faults_of_requests(runs: Iterable[Run], asked: Sequence[Asked]) -> Iterator[str]:
    """Every broken promise about what the model was asked: each request as often as it is recorded as begun, the same each time,
    and with nobody's words but its user's."""
    begun: dict[tuple[str, int], int] = {}
    answered: set[tuple[str, int]] = set()
    for first, events in runs:
        plan = read_plan(first.text)
        calls = {event.call_id: event for event in events if isinstance(event, ModelStarted)}
        turns = dict(zip(calls, turns_of(first.agent), strict=False))
        for event in events:
            if isinstance(event, ModelStarted) and event.call_id in turns:
                place = plan.key, turns[event.call_id]
                begun[place] = begun.get(place, 0) + 1
            elif isinstance(event, ModelCompleted) and event.recorded is not None:
                answered.add((plan.key, turns[event.call_id]))
    times = Counter((each.key, each.turn) for each in asked)
    for place, count in times.items():
        if count > begun.get(place, 0):
            yield f"models: turn {place[1]} of {place[0]} was asked {count} times, and begun {begun.get(place, 0)} times"
    for place in answered - times.keys():
        yield f"models: turn {place[1]} of {place[0]} has an answer, and was never asked"
    words: dict[tuple[str, int], str] = {}
    for each in asked:
        if words.setdefault((each.key, each.turn), each.fingerprint) != each.fingerprint:
            yield f"models: turn {each.turn} of {each.key} was asked in other words after a restart"
        if set(each.named) != {each.user}:
            yield f"owners: the model was asked by {each.user} in turn {each.turn} of {each.key} with {each.named}"


def framework_counts(runs: Sequence[Run], effects: Iterable[tuple[str, int]], asked: Sequence[Asked]) -> dict[str, int]:
    """How much there was of each framework, by what it is called."""
    acted = Counter(run_id for run_id, _ in effects)
    counts: dict[str, int] = {}
    for framework in FRAMEWORKS:
        own = [events for first, events in runs if first.agent == framework]
        events = [event for each in own for event in each]
        counts |= {
            f"{framework}: runs": len(own),
            f"{framework}: completed": _count(events, AgentCompleted),
            f"{framework}: cancelled": _count(events, AgentCancelled),
            f"{framework}: given up": _count(events, AgentFailed),
            f"{framework}: effects": sum(acted[each[0].run_id] for each in own),
            f"{framework}: outcomes unknown": sum(_is_unknown(event) for event in events),
            f"{framework}: users asked": _count(events, QuestionAsked) + _count(events, ApprovalRequested),
            f"{framework}: model requests begun": _count(events, ModelStarted),
            f"{framework}: begun again": sum(isinstance(event, ModelStarted) and event.attempt > 1 for event in events),
            f"{framework}: requests at the model": sum(each.framework == framework for each in asked),
        }
    return counts


def _count(events: Iterable[AnyEvent], kind: type[Any]) -> int:
    return sum(isinstance(event, kind) for event in events)


def _is_unknown(event: AnyEvent) -> bool:
    return isinstance(event, ToolCompleted) and (event.error or {}).get("code") == _UNKNOWN


def _came(events: Sequence[AnyEvent]) -> Iterator[Came]:
    """What came of its calls and of its question, as its model is to read it."""
    numbers = {call.call_id: call.arguments["number"] for call in _acting(events)}
    outcomes: dict[int, Came] = {}
    for event in events:
        if isinstance(event, ToolCompleted) and event.call_id in numbers:
            error = event.error or {}
            outcomes[numbers[event.call_id]] = number_of(event.result) if event.ok else error["code"]
        elif isinstance(event, QuestionAnswered):
            outcomes[ASKED] = event.answer
    for number in (*CHARGES, ASKED):
        if number in outcomes:
            yield outcomes[number]


def _said(events: Iterable[AnyEvent]) -> Iterator[str]:
    """What was streamed of each answer of the model that was recorded."""
    parts: dict[tuple[str, int], list[str]] = {}
    for event in events:
        if isinstance(event, AgentDelta) and event.kind == "":
            parts.setdefault((event.call_id, event.attempt), []).append(event.text)
        elif isinstance(event, ModelCompleted) and event.recorded is not None:
            yield "".join(parts.get((event.call_id, event.attempt), []))


def _acting(events: Iterable[AnyEvent]) -> Iterator[ToolExecuting]:
    return (event for event in events if isinstance(event, ToolExecuting) and event.tool in (_CHARGE, _GATE))
