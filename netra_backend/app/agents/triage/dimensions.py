"""The dimensions that a message asks to split by."""

from __future__ import annotations

import re
from typing import Final

from .text import Text

_WORDS: Final = {
    "model": r"models?|llms?|engines?",
    "team": r"teams?|departments?|depts?|squads?|groups?|orgs?|organi[sz]ations?|business units?|cost cent(?:er|re)s?|"
    r"projects?|divisions?|workspaces?",
    "feature": r"features?|use[- ]cases?|endpoints?|products?|product areas?|apps?|applications?|services?|workflows?|"
    r"pipelines?|agents?|bots?|tasks?|routes?|functions?|tags?|environments?|operations?|modules?|assistants?|tools?",
    "user": r"users?|end[- ]users?|customers?|clients?|tenants?|accounts?|people|persons?|seats?|members?|employees?|"
    r"developers?|devs?|engineers?|api keys?|keys?|individuals?|heads?|colleagues?|who|whose|spenders?",
    "provider": r"providers?|vendors?|suppliers?|platforms?|ai compan(?:y|ies)|labs?|api providers?",
    "day": r"days?|daily|dates?|day[- ](?:by|to)[- ]day|weekdays?|time series|over time|timeline|trend|per-day",
}
_ANY: Final = "|".join(_WORDS.values())
_COSTED: Final = _ANY.replace("|llms?", "")
_OPENING: Final = (
    r"by|pr|per|for each|for every|each|every|across|between|among|amongst|against|into|"
    r"split (?:by|across|between|into|up by)|broken (?:down|out|up) (?:by|per|into)|(?:breakdown|split|distribution|share) "
    r"(?:of .{0,30}? )?(?:by|per|of|for|across|over)|group(?:ed)? by|sort(?:ed)? by|which|what|whose|"
    r"top(?: \d{1,4}| five| ten| three| few)?|"
    r"(?:most |least )?(?:expensive|costly|pricey|dear)|costliest|priciest|cheapest|biggest|largest|heaviest|heavy|highest|"
    r"worst|slowest|fastest|"
    r"most active|least|all|all the|all our|of the|of our|different|individual|internal|single|separate|rank(?:ed|ing)?|list|"
    r"compare|(?:attribut|allocat|distribut|assign)\w{1,3} .{0,40}? to|various"
)
_BETWEEN: Final = r"(?:both |the |our |ai |llm |individual |different |\w{3,12}est ){0,2}"
_OPENED: Final = re.compile(rf"\b(?P<how>{_OPENING})[ -]{_BETWEEN}(?P<word>{_ANY})\b", re.ASCII)
_SLASHED: Final = re.compile(
    rf"(?:cost|spend|spent|bill|usd|\$|dollars|tokens|requests|calls)s? ?/ ?(?P<word>{_ANY})\b", re.ASCII
)
_JOINED: Final = re.compile(
    rf"\b(?P<word>{_COSTED})[- ](?:wise|level|by[- ](?:day|team|model|user|feature)|split|breakdown|ranking|distribution|"
    r"leaderboard|mix|costs?|spend|x cost)\b",
    re.ASCII,
)
_ALONE: Final = re.compile(r"\b(?P<word>daily|day[- ](?:by|to)[- ]day|over time|who|whose|timeline|trend)\b", re.ASCII)
_MORE: Final = re.compile(rf"\b(?:{_ANY})(?:,| and| or| x| &|, then| then) (?:by |per )?(?P<word>{_ANY})\b", re.ASCII)
_WEAK: Final = frozenset({"of the", "of our", "all", "what", "into"})
"""Openings that also stand before a dimension nobody asks to split by: they count only before a plural."""

_OF_WORD: Final = tuple((name, re.compile(rf"(?:{words})\Z", re.ASCII)) for name, words in _WORDS.items())


def find_dimensions(text: Text) -> tuple[str, ...]:
    """The dimensions that a message asks to split by, in order, each once."""
    spans = [
        (match.start("word"), match["word"])
        for match in _OPENED.finditer(text.lower)
        if match["how"] not in _WEAK or match["word"].endswith("s")
    ]
    spans += [
        (match.start("word"), match["word"])
        for pattern in (_SLASHED, _JOINED, _ALONE)
        for match in pattern.finditer(text.lower)
    ]
    if spans:
        spans += [(match.start("word"), match["word"]) for match in _MORE.finditer(text.lower)]
    return tuple(dict.fromkeys(_dimension(word) for _, word in sorted(spans)))


def _dimension(word: str) -> str:
    return next(name for name, pattern in _OF_WORD if pattern.match(word))
