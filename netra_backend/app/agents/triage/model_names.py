"""Model names: which of them a message names, whatever the spelling, and which catalogued model each one is.

The catalogue is genai-prices. A name without a version (``haiku``) pins no model and stays as said; a name with one is
given as its catalogued id (``sonnet 4.5`` is ``claude-sonnet-4-5``). Versions are never corrected: only their writing is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from .text import Text

_ORIGINS: Final = (
    "openai", "anthropic", "google", "mistral", "deepseek", "x-ai", "cohere", "meta", "moonshotai", "minimax", "zai",
    "perplexity", "voyageai", "aws", "azure", "groq", "cerebras", "together", "fireworks",
)  # fmt: skip
"""Where two providers list one model, the one that comes first here gives it its id."""

_PLAIN_ORIGINS: Final = frozenset(_ORIGINS[:3])
"""Whose ids carry no vendor's name in front."""

Key = tuple[tuple[str, ...], tuple[str, ...]]
"""The words of a name in alphabetical order, and its figures in the order said."""

_FAMILIES: Final = (
    r"(?:chat[ -]?)?gpt|claude(?! code)|sonnet|opus|haiku|fable|mythos|gemini|gemma|(?:code[ -]?|meta[ -]?)?llama|"
    r"mistral|mixtral|codestral|devstral|ministral|magistral|pixtral|voxtral|deepseek|qwen|qwq|grok|kimi|glm|minimax|phi|"
    r"nemotron|jamba|granite|dbrx|ernie|sonar|wizardlm|dall[ -]?e|whisper|codex|davinci|"
    r"text-embedding|text embedding|voyage(?=[ -]?\d)|command[ -](?=r\b|a\b|r\+|r7b|light)|"
    r"(?:amazon[ -])?nova(?=[ -](?:lite|micro|pro|premier|\d))|titan(?=[ -](?:text|embed))|palm(?=[ -]?2)|yi(?=-)|gpt-oss|"
    r"muse[ -]spark|o[134](?=[ -](?:mini|pro|preview|deep)|\b)|4o(?=[ -]mini|\b)|"
    r"(?:(?<=\bto )|(?<=\bon )|(?<=\buse )|(?<=\bused )|(?<=\bwith ))flash"
)
_VARIANTS: Final = (
    r"mini|nano|micro|pro|flash|lite|turbo|large|medium|small|tiny|nemo|instruct|preview|thinking|reasoner|reasoning|chat|"
    r"coder|code|codex|max|plus|premier|ultra|omni|latest|vision|audio|realtime|image|embed|ada|exp|speciale|highspeed|air|"
    r"sonnet|opus|haiku|fable|mythos|gpt|claude|llama|oss|scout|maverick|guard|versatile|instant|fast|non-reasoning|deep-research|"
    r"luna|sol|terra|astra|cyber|saba|r\+|r|a|light|express|text|v|o|"
    r"[vrk]\d{1,2}(?:\.\d{1,2})?|[om][134]|\d{1,3}(?:\.\d)?x?\d{0,3}b|\d{1,3}k|\d{1,2}o|\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|"
    r"\d{1,2}(?:[.-]\d{1,2})?"
)
_COUNTED: Final = (
    r"(?!\s?(?:%|x\b|times|k\b|m\b|mil|thousand|requests|calls|tokens|users|days?\b|weeks?|months?|hours?|dollars|usd|percent|"
    r"am\b|pm\b|bucks|cents))"
)
_MENTION: Final = re.compile(
    rf"(?<!\w)(?:{_FAMILIES})(?:(?:[-_./: ]|(?<=[a-z])(?=\d))(?:{_VARIANTS})(?![a-z0-9]){_COUNTED}){{0,6}}(?![a-z])"
)


@dataclass(frozen=True, slots=True)
class ModelMention:
    """A model that a message names. ``name`` is the catalogued id where ``known``, else the name as said."""

    start: int
    end: int
    said: str
    name: str
    known: bool


def find_models(text: Text) -> list[ModelMention]:
    """The models a message names, in order."""
    found = []
    for match in _MENTION.finditer(text.lower):
        start, end = match.span()
        written = text.lower[start:end].rstrip(" -_./:")
        end = start + len(written)
        name = canonical(written)
        found.append(ModelMention(start, end, text.cite(start, end), name or _slug(written), name is not None))
    return found


def canonical(written: str) -> str | None:
    """The catalogued id of a name in any writing; ``None`` if the name pins no catalogued model."""
    names = catalogue()
    parts = _PART.findall(_ALIASES.get(written, written).lower())
    for count in range(len(parts), 0, -1):
        if not any(part[0].isdigit() for part in parts[:count]):
            continue
        for prefix in ((), ("claude",), ("gpt",)):
            if (name := names.get(_key([*prefix, *parts[:count]]))) is not None:
                return name if count == len(parts) or _only_dates(parts[count:]) else None
    return None


_ALIASES: Final = {
    "4o": "gpt-4o", "4o mini": "gpt-4o-mini", "4o-mini": "gpt-4o-mini", "chatgpt 4o": "gpt-4o",
    "ada 002": "text-embedding-ada-002", "gpt 3.5": "gpt-3.5-turbo", "gpt-3.5": "gpt-3.5-turbo", "gpt3.5": "gpt-3.5-turbo",
    "chatgpt": "gpt",
}  # fmt: skip
_PART: Final = re.compile(r"\d+o(?![a-z])|[a-z+]+|\d+")
_NOISE: Final = frozenset({"latest", "chat", "v", "it", "amazon", "meta"})


def _only_dates(parts: Iterable[str]) -> bool:
    return all((part.isdigit() and len(part) in (2, 4, 8)) or part in _NOISE for part in parts)


def _key(parts: Iterable[str]) -> Key:
    words = [part for part in parts if not part[0].isdigit() and part not in _NOISE]
    return tuple(sorted(set(words))), tuple(part for part in parts if part[0].isdigit())


def _slug(written: str) -> str:
    return re.sub(r"[ _]+", "-", written)


_VENDOR: Final = re.compile(
    r"\A(?:(?:global|regional|amazon|anthropic|openai|google|meta|mistral|deepseek|qwen|moonshotai|zai|nvidia|ft:)[.:]?){1,3}"
    r"(?=[a-z])"
)
_TAIL: Final = re.compile(r"(?:-v\d+)?(?::\w+)?\Z|-latest\Z|-\d{8}\Z|-\d{4}-\d{2}-\d{2}\Z")


@lru_cache(maxsize=1)
def catalogue() -> dict[Key, str]:
    """Every catalogued model by its key."""
    from genai_prices.data import providers  # 2,000 models: read when the first name is looked up

    by_origin = {provider.id: provider for provider in providers}
    names: dict[Key, str] = {}
    for origin in _ORIGINS:
        provider = by_origin.get(origin)
        for model in provider.models if provider is not None else ():
            name = model.id.lower().rsplit("/", 1)[-1]
            plain = _TAIL.sub("", name)
            if origin not in _PLAIN_ORIGINS:
                plain = _VENDOR.sub("", plain)
            for writing in (name, plain, plain.removesuffix("-preview"), plain.removesuffix("-0")):
                key = _key(_PART.findall(writing))
                if key[1]:
                    names.setdefault(key, plain.removesuffix("-0") if origin in _PLAIN_ORIGINS else plain)
    return names
