"""A message read once: its text, what it names, and the plain form that rules and classifier work on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .concepts import find_concepts
from .dimensions import find_dimensions
from .lexicon import lexicon
from .model_names import ModelMention, find_models
from .periods import Period, find_periods
from .text import Text, read
from .volumes import find_volume_change

MODEL: Final = "modelname"
PERIOD: Final = "periodspan"
NUMBER: Final = "numtok"
_NUMBERS: Final = re.compile(r"\$?\d[\d.,]{0,15}\s?(?:k|m|%|usd|dollars|percent)?\b|\$+")


@dataclass(frozen=True, slots=True)
class Reading:
    """``plain`` is the text with models, periods and numbers each replaced by one word; ``concepts`` are in order."""

    text: Text
    plain: str
    concepts: tuple[str, ...]
    models: tuple[ModelMention, ...]
    periods: tuple[Period, ...]
    levers: tuple[str, ...]
    dimensions: tuple[str, ...]
    volume: tuple[str, float | None] | None


def read_message(message: str, *, now_ms: int, timezone: str) -> Reading:
    """Read a message. Never raises; bounded for messages of any length."""
    text = read(message)
    models = tuple(find_models(text))
    periods = tuple(find_periods(text, now_ms=now_ms, timezone=timezone))
    masked = _masked(text.lower, models, periods)
    levers = tuple(name for name, _ in sorted(lexicon("levers").find(masked).items(), key=lambda item: item[1][0]))
    dimensions = find_dimensions(text)
    volume = find_volume_change(text)
    named = {f"lever:{levers[0]}", "LEVER"} if levers else set()
    if dimensions:
        named |= {f"by:{dimensions[0]}", "BY"}
    if volume:
        named.add("VOLUME")
    if any(period.start_ms is not None and period.start_ms > now_ms for period in periods):
        named.add("AHEAD")
    return Reading(
        text=text,
        plain=" ".join(_NUMBERS.sub(f" {NUMBER} ", masked).split()),
        concepts=tuple(sorted(find_concepts(masked, named))),
        models=models,
        periods=periods,
        levers=levers,
        dimensions=dimensions,
        volume=volume,
    )


def _masked(lower: str, models: tuple[ModelMention, ...], periods: tuple[Period, ...]) -> str:
    spans = [(mention.start, mention.end, MODEL) for mention in models]
    spans += [
        (period.at[0], period.at[1], PERIOD)
        for period in periods
        if not any(mention.start < period.at[1] and period.at[0] < mention.end for mention in models)
    ]
    for start, end, word in sorted(spans, reverse=True):
        lower = f"{lower[:start]} {word} {lower[end:]}"
    return " ".join(lower.split())
