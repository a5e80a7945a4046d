"""What a message says about how: the dimensions to group by, and a supposed change of volume."""

from __future__ import annotations

import re
from typing import Final

from .calendar_words import number_of
from .text import Text

_F: Final = re.ASCII

_DIMENSION_WORDS: Final = {
    "model": r"models?|llms?|engines?|model names?",
    "team": r"teams?|departments?|depts?|squads?|groups?|orgs?|organi[sz]ations?|business units?|cost cent(?:er|re)s?|projects?|divisions?|workspaces?",
    "feature": r"features?|use[- ]cases?|endpoints?|products?|apps?|applications?|services?|workflows?|pipelines?|agents?|bots?|tasks?|routes?|functions?|tags?|environments?|operations?|modules?",
    "user": r"users?|end[- ]users?|customers?|clients?|tenants?|accounts?|people|persons?|person|seats?|members?|employees?|developers?|devs?|engineers?|api keys?|keys?|individuals?|who",
    "provider": r"providers?|vendors?|suppliers?|platforms?|ai compan(?:y|ies)|labs?|api providers?",
    "day": r"days?|daily|dates?|day[- ]by[- ]day|weekdays?|time series|over time|timeline|trend|trends|day of (?:the )?week|per-day",
}
_ANY: Final = "|".join(_DIMENSION_WORDS.values())
_GROUP: Final = re.compile(
    rf"\b(?:by|per|for each|for every|each|every|across|between|among|amongst|split (?:by|across|between|into|up by)|broken (?:down|out|up) (?:by|per|into)|breakdown (?:by|per|of|for)|group(?:ed)? by|"
    rf"which|what|top (?:\d+|five|ten|three|few)?|most expensive|costliest|priciest|cheapest|biggest|largest|our|of the|rank(?:ed|ing)?(?: the| our| of)?|list(?: the| of)?|compare(?: the| our)?|all(?: the| our)?|different|individual|highest[- ]spending|heaviest|worst|one|single|"
    rf"split of|distribution (?:of|by|across|over))[ -](?:\w+ ){{0,1}}?(?P<word>{_ANY})\b",
    _F,
)
_WISE: Final = re.compile(
    rf"\b(?P<word>{_ANY})[- ](?:wise|level|by[- ](?:day|team|model|user|feature)|split|breakdown|ranking|distribution|leaderboard|mix)\b",
    _F,
)
_ALONE: Final = re.compile(r"\b(?P<word>daily|day[- ]by[- ]day|over time|who|timeline|trend|trends)\b", _F)
_OF_WORD: Final = tuple((name, re.compile(rf"(?:{words})\Z", _F)) for name, words in _DIMENSION_WORDS.items())


def find_group_by(text: Text) -> tuple[str, ...]:
    """The dimensions that a message asks to split by, in order, each once."""
    found: dict[str, None] = {}
    spans = sorted(
        (match.start("word"), match["word"])
        for pattern in (_GROUP, _WISE, _ALONE)
        for match in pattern.finditer(text.lower)
    )
    for _, word in spans:
        for name, pattern in _OF_WORD:
            if pattern.match(word):
                found[name] = None
                break
    for match in re.finditer(
        rf"\b(?:{'|'.join(_DIMENSION_WORDS)})s? (?:and|or|x|,|&|then) (?P<word>{_ANY})\b", text.lower
    ):
        if found:
            found.update({name: None for name, pattern in _OF_WORD if pattern.match(match["word"])})
    return tuple(found)


_WORD_NUMBER: Final = (
    r"\d{1,9}(?:[.,]\d{1,6})?|two|three|four|five|six|seven|eight|nine|ten|twenty|fifty|hundred|a hundred"
)
_VOLUMES: Final[tuple[tuple[re.Pattern[str], str | float | None], ...]] = (
    (
        re.compile(rf"\b(?P<n>{_WORD_NUMBER})[- ]?(?:x|times|fold)\b(?! (?:a|per|each) )|\bx ?(?P<m>\d{{1,4}})\b", _F),
        "times",
    ),
    (re.compile(r"\bdoubl(?:e|es|ed|ing)\b|\btwice\b|\btwofold\b|\b2x\b", _F), 2.0),
    (re.compile(r"\btripl(?:e|es|ed|ing)\b|\bthrice\b|\bthreefold\b", _F), 3.0),
    (re.compile(r"\bquadrupl(?:e|es|ed|ing)\b|\bfourfold\b", _F), 4.0),
    (re.compile(r"\bquintupl(?:e|es|ed|ing)\b", _F), 5.0),
    (re.compile(r"\bhal(?:f|ve|ves|ved|ving)\b(?! (?:of|a|the) (?:year|month|day|week))", _F), 0.5),
    (
        re.compile(
            r"\b(?P<sign>grow\w*|grew|increas\w+|ris\w+|rose|up|climb\w*|gain\w*|jump\w*|add\w*|scal\w+|go(?:es)? up|went up|drop\w*|fall\w*|fell|declin\w+|shrink\w*|shrank|decreas\w+|down|los\w+|cut\w*|reduc\w+|plus|minus)"
            r"(?: \w+){0,3}? (?:by )?(?:an? |another |extra )?(?P<n>\d{1,4}(?:\.\d{1,2})?) ?(?:%|percent|pct)",
            _F,
        ),
        "percent",
    ),
    (
        re.compile(
            r"(?P<n>\d{1,4}(?:\.\d{1,2})?) ?(?:%|percent|pct) (?P<sign>more|increase|growth|higher|extra|additional|rise|up|bigger|less|fewer|lower|drop|decrease|decline|reduction|down|smaller)\b(?! (?:expensive|cheap))",
            _F,
        ),
        "percent",
    ),
    (
        re.compile(
            r"\b(?:another|an extra|extra|additional|add(?:ing|ed)?|onboard(?:ing|ed)?|gain(?:ing|ed)?|\+) ?(?:about |another )?\d[\d,.]{0,12} ?(?:k|m|b|million|thousand|billion)? (?:more |new |extra |additional |paying |active |daily |monthly )?"
            r"(?:users?|customers?|requests?|calls?|tokens?|messages?|clients?|seats?|teams?|documents?)\b",
            _F,
        ),
        None,
    ),
    (
        re.compile(
            r"\b\d[\d,.]{0,12} ?(?:k|m|b|million|thousand|billion)? (?:more |new |extra |additional |paying |active |daily |monthly )?(?:users?|customers?|requests?|calls?|tokens?|messages?|queries|chats?|conversations?|documents?|sessions?)"
            r"(?: (?:a|per|each|every|/) ?(?:second|minute|hour|day|week|month|year|user))?\b",
            _F,
        ),
        None,
    ),
)
_LESS: Final = re.compile(
    r"(?:drop|fall|fell|declin|shrink|shrank|decreas|down|los|cut|reduc|less|fewer|lower|minus|smaller)"
)


def find_volume_change(text: Text) -> tuple[str, float | None] | None:
    """The change of volume that a message supposes: as said, and as a factor where it is one."""
    best: tuple[int, int, int, float | None] | None = None
    for rank, (pattern, meaning) in enumerate(_VOLUMES):
        if (match := pattern.search(text.lower)) is None:
            continue
        if best is None or rank < best[0]:
            best = (rank, match.start(), match.end(), _factor(match, meaning))
    if best is None:
        return None
    _, start, end, factor = best
    return text.cite(start, end).strip(), factor


def _factor(match: re.Match[str], meaning: str | float | None) -> float | None:
    if not isinstance(meaning, str):
        return meaning
    if meaning == "times":
        return _number(match["n"] or match["m"])
    share = float(match["n"]) / 100
    return round(max(0.0, 1 - share) if _LESS.match(match["sign"]) else 1 + share, 6)


def _number(word: str) -> float:
    if word[0].isdigit():
        return float(word.replace(",", ""))
    return {"twenty": 20.0, "fifty": 50.0, "hundred": 100.0, "a hundred": 100.0}.get(word) or float(number_of(word))
