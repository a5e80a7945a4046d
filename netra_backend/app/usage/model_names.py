"""Which listed model a name means, when a person types it: exact, or the one that is close, or candidates to choose from."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from rapidfuzz import fuzz, process

from ..core.errors import ToolError
from .pricing import Listing, find, listings

MAX_NAME: Final = 128
MAX_CANDIDATES: Final = 8
CLOSE: Final = 88.0
"""A name less alike than this (of 100) is not taken for a typo."""
CLEAR: Final = 4.0
"""Two names whose likeness differs by less leave it open which was meant."""

MAKERS: Final = (
    "openai",
    "anthropic",
    "google",
    "mistral",
    "deepseek",
    "x-ai",
    "cohere",
    "moonshotai",
    "minimax",
    "zai",
    "meta",
)
"""Those who make models: a bare name means theirs, not a reseller's copy."""


def resolve(name: str, provider: str | None = None) -> Listing:
    """The listing that ``name`` means. Raises ``ToolError``: ``AMBIGUOUS_MODEL`` with ``candidates``, ``UNPRICED_MODEL``."""
    asked = name.strip()[:MAX_NAME]
    listing = find(asked, provider) or find(_spelled(asked), provider)
    if listing is not None and _pins_a_version(asked, listing):
        return listing
    scored = process.extract(_spelled(asked), _names(), scorer=fuzz.ratio, limit=MAX_CANDIDATES, score_cutoff=CLOSE)
    family = [model for model in _names() if _words(asked) and _words(asked) <= _words(model)]
    only = family[0] if len(family) == 1 else None
    if scored and (len(scored) == 1 or scored[0][1] - scored[1][1] >= CLEAR):
        only = scored[0][0]
    # A typo may change letters, never the version.
    if only is not None and _digits(asked) and _digits(only) == _digits(asked):
        close = find(only, provider)
        if close is not None:
            return close
    candidates = list(dict.fromkeys([*(model for model, _, _ in scored), *family]))[:MAX_CANDIDATES]
    if candidates:
        raise ToolError(
            "AMBIGUOUS_MODEL",
            f"{asked!r} could be one of several models.",
            hint=f"Choose one of: {', '.join(candidates)}.",
            details={"candidates": candidates},
        )
    raise ToolError(
        "UNPRICED_MODEL",
        f"{asked!r} is not in the price list.",
        hint="Use the provider's name for the model, such as gpt-4o or claude-sonnet-4-5. You can add the provider.",
    )


@cache
def _names() -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            listing.model.id for listing in listings() if listing.provider.id in MAKERS and ":" not in listing.model.id
        )
    )


def _spelled(name: str) -> str:
    return re.sub(r"[\s_]+", "-", name.lower())


def _digits(name: str) -> list[str]:
    return re.findall(r"\d+", name)


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z]+|\d+", name.lower()))


def _pins_a_version(asked: str, listing: Listing) -> bool:
    """Whether the name says which version it means: the list also answers to prefixes such as ``claude-haiku``."""
    return _spelled(asked) == listing.model.id.lower() or bool(_digits(asked))
