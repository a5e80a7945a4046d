"""What a message asks, as far as it can be determined: the only entry point of triage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from ..interface import PastMessage
from .carry_over import is_fragment, is_short, last_question
from .decision import Decision, decide
from .intents import INTENTS, OUT_OF_SCOPE
from .parse import Reading, read_message
from .periods import Period
from .split_requests import Part, parts_of
from .subject import subject_of

Route = Literal["agent", "clarify", "refuse"]
DecidedBy = Literal["rule", "classifier", "model"]


@dataclass(frozen=True, slots=True)
class Slots:
    """What a message names: each as said or, for models, levers and dimensions, by its name in our lists."""

    period: str | None = None
    model: str | None = None
    lever: str | None = None
    group_by: str | None = None
    volume_change: str | None = None

    def as_json(self) -> dict[str, str]:
        """The slots that are filled."""
        names = ("period", "model", "lever", "group_by", "volume_change")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Understanding:
    """One request. ``parts`` holds, in order, each request of a message that makes several; the first is this one.

    ``period`` is ``slots.period`` in dates; ``models`` are all models named, ``slots.model`` the one that the request is
    about (the target of a supposed move); ``dimensions`` are all of ``group_by``; ``volume_factor`` is ``volume_change``
    as a factor where it is one. ``question`` is what to ask back where ``route`` is ``clarify``; ``alternatives`` are the
    likeliest intents then.
    """

    intent: str
    confidence: float
    route: Route
    slots: Slots = Slots()
    reasons: tuple[str, ...] = ()
    decided_by: DecidedBy = "rule"
    period: Period | None = None
    models: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()
    volume_factor: float | None = None
    question: str | None = None
    alternatives: tuple[str, ...] = ()
    text: str = ""
    parts: tuple[Understanding, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """This understanding as plain JSON."""
        return {
            "intent": self.intent,
            "confidence": round(self.confidence, 3),
            "route": self.route,
            "slots": self.slots.as_json(),
            "reasons": list(self.reasons),
            "decided_by": self.decided_by,
            "period": None if self.period is None else self.period.as_json(),
            "models": list(self.models),
            "dimensions": list(self.dimensions),
            "volume_factor": self.volume_factor,
            "question": self.question,
            "alternatives": list(self.alternatives),
            "parts": [part.as_json() for part in self.parts],
        }


def understand(
    message: str,
    *,
    now_ms: int,
    timezone: str = "UTC",
    history: Sequence[PastMessage] = (),
    chosen: Sequence[str] = (),
) -> Understanding:
    """Say what ``message`` asks. Deterministic; never raises, whatever the message.

    ``now_ms`` and ``timezone`` resolve periods in words to dates; ``history`` (oldest first) completes a fragment such as
    "and last week?" and the answer to a question that was asked back. ``chosen`` are the intents that a language model has found
    in it, in order: they count instead of what rules and classifier say.
    """
    reading = read_message(message, now_ms=now_ms, timezone=timezone)
    decision = _by_model(chosen[0]) if chosen else decide(reading)
    if (earlier := last_question(history)) is not None:
        if earlier.asked_back and is_short(reading):
            joined = read_message(f"{earlier.text}\n{message}", now_ms=now_ms, timezone=timezone)
            answered = decision if decision.route == "agent" or chosen else decide(joined)
            if answered.route == "agent":
                return _filled(joined, answered)
        elif is_fragment(reading):
            before = understand(earlier.text, now_ms=now_ms, timezone=timezone)
            return _continued(reading, decision, before, decision.intent if chosen else before.intent)
    found = parts_of(reading, decide(reading) if chosen else decision, now_ms=now_ms, timezone=timezone)
    if chosen:
        found = [_part(intent, reading, found) for intent in chosen]
    parts = [_filled(part, decided) for part, decided in found]
    return parts[0] if len(parts) == 1 else replace(parts[0], parts=tuple(parts))


def _by_model(intent: str) -> Decision:
    route: Route = "refuse" if intent == OUT_OF_SCOPE else "agent"
    return Decision(intent, _MODEL_CONFIDENCE, route, "model", ("a language model chose it",), ())


def _part(intent: str, whole: Reading, found: Sequence[Part]) -> Part:
    """The part of the message that a language model found this intent in: the one that rules find it in, too, else all of it."""
    alike = [reading for reading, decided in found if decided.intent == intent]
    return (alike[0] if alike else whole), _by_model(intent)


_SELDOM_GROUPED: Final = frozenset({"cost_anomaly", "forecast_budget"})
_EXPLICITLY: Final = re.compile(r"\b(?:by|per|each|every)\b")
_PROVIDERS: Final = re.compile(r"\b(?:openai|anthropic|google|azure|bedrock|vertex|mistral|cohere|groq|deepseek|xai)\b")
_DEPARTMENTS: Final = re.compile(
    r"\b(?:marketing|engineering|sales|finance|legal|hr|growth|research|operations|r&d|data science|customer success)\b"
)
"""Parts of a company that are hardly ever a feature's name."""
_MODEL_CONFIDENCE: Final = 0.7
_GROUPED: Final = frozenset({"cost_breakdown", "cost_anomaly", "usage_query", "forecast_budget"})


def _filled(reading: Reading, decision: Decision) -> Understanding:
    """The understanding of a reading: its decision, with the slots that its intent has use for."""
    intent = decision.intent
    inside = decision.route != "refuse"
    period = reading.periods[0] if reading.periods and inside else None
    model = subject_of(reading) if inside else None
    dimensions = _dimensions(reading, intent) if inside else ()
    volume = reading.volume if intent == "what_if" and inside else None
    return Understanding(
        intent=intent,
        confidence=decision.confidence,
        route=decision.route,
        slots=Slots(
            period=None if period is None else period.said,
            model=None if model is None else model.name,
            lever=reading.levers[0] if reading.levers and intent == "savings_lever" and inside else None,
            group_by=dimensions[0] if dimensions else None,
            volume_change=None if volume is None else volume[0],
        ),
        reasons=decision.reasons,
        decided_by=decision.decided_by,
        period=period,
        models=tuple(dict.fromkeys(mention.name for mention in reading.models)) if inside else (),
        dimensions=dimensions,
        volume_factor=None if volume is None else volume[1],
        question=_question(decision) if decision.route == "clarify" else None,
        alternatives=decision.alternatives if decision.route == "clarify" else (),
        text=reading.text.said,
    )


def _dimensions(reading: Reading, intent: str) -> tuple[str, ...]:
    """What to group by: as asked, else by what the things compared have in common."""
    if intent not in _GROUPED or (intent in _SELDOM_GROUPED and not _EXPLICITLY.search(reading.plain)):
        return ()
    if not reading.dimensions and intent == "cost_breakdown":
        if len(reading.models) > 1:
            return ("model",)
        if len(set(_PROVIDERS.findall(reading.text.lower))) > 1:
            return ("provider",)
        if len(set(_DEPARTMENTS.findall(reading.text.lower))) > 1:
            return ("team",)
    return reading.dimensions


def _continued(reading: Reading, decision: Decision, earlier: Understanding, intent: str) -> Understanding:
    """A fragment, understood as the earlier request with what the fragment names put in its place."""
    if earlier.route != "agent" or intent == OUT_OF_SCOPE:
        return _filled(reading, decision)
    if reading.dimensions and intent == "cost_overview":
        intent = "cost_breakdown"
    why = ("it continues your previous message",)
    new = _filled(reading, Decision(intent, earlier.confidence, "agent", decision.decided_by, why, ()))
    filled = earlier.slots.as_json() | new.slots.as_json()
    return replace(
        new,
        slots=Slots(**filled),
        period=new.period or earlier.period,
        models=new.models or earlier.models,
        dimensions=new.dimensions or earlier.dimensions,
        volume_factor=new.volume_factor if new.slots.volume_change else earlier.volume_factor,
    )


def _question(decision: Decision) -> str:
    first, second = (INTENTS[intent] for intent in decision.alternatives[:2])
    return f"Would you like to know {first}, or {second}?"
