"""A supposed change of volume: as said, and as a factor where it is one."""

from __future__ import annotations

import re
from typing import Final

from .calendar_words import number_of
from .text import Text

_COUNT: Final = (
    r"\d{1,9}(?:[.,]\d{1,6})?|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|fifty|"
    r"a hundred|hundred"
)
_PERCENT: Final = r"(?P<n>\d{1,4}(?:\.\d{1,2})?) ?(?:%|percent|pct)"
_RISES: Final = (
    r"grow\w*|grew|increas\w+|ris\w+|rose|up|climb\w*|gain\w*|jump\w*|add\w*|scal\w+|goes? up|went up|plus|\+|drop\w*|fall\w*|"
    r"fell|declin\w+|shrink\w*|shrank|decreas\w+|down|los\w+|cut\w*|reduc\w+|minus|remov\w+"
)
_MORE: Final = (
    r"more|increase|growth|higher|extra|additional|rise|up|bigger|less|fewer|lower|drop|decrease|decline|reduction|down|"
    r"smaller"
)
_THINGS: Final = (
    r"users?|customers?|requests?|calls?|tokens?|messages?|queries|chats?|conversations?|documents?|sessions?|clients?|seats?|"
    r"teams?|developers?"
)
_AMOUNT: Final = (
    r"\d[\d,.]{0,12} ?(?:k|m|b|million|thousand|billion)? ?"
    r"(?:more |new |extra |additional |paying |active |daily |monthly )?"
)
_FIXED: Final = {
    2.0: r"doubl(?:e|es|ed|ing)|twice|twofold",
    3.0: r"tripl(?:e|es|ed|ing)|thrice|threefold",
    4.0: r"quadrupl(?:e|es|ed|ing)|fourfold",
    5.0: r"quintupl(?:e|es|ed|ing)",
    0.5: r"hal(?:f|ve|ves|ved|ving)(?!(?: of| a| the)* (?:year|month|day|week|price|an))",
}
_PATTERNS: Final = (
    re.compile(
        rf"\b(?P<times>{_COUNT})[- ]?(?:x|times|fold)\b(?! (?:a|per|each)\b| \d)|\bx ?(?P<factor>\d{{1,4}})\b", re.ASCII
    ),
    *(re.compile(rf"\b(?P<fixed>{words})\b", re.ASCII) for words in _FIXED.values()),
    re.compile(
        rf"(?<!\w)(?P<way>{_RISES})(?: \w{{1,12}}){{0,3}}? ?(?:by )?(?:an? |another |extra )?{_PERCENT}", re.ASCII
    ),
    re.compile(rf"{_PERCENT} (?P<way>{_MORE})\b(?! (?:expensive|cheap))", re.ASCII),
    re.compile(
        rf"(?:another|an extra|extra|additional|add(?:ing|ed)?|onboard(?:ing|ed)?|gain(?:ing|ed)?|\+) ?(?:about |another )?"
        rf"{_AMOUNT}(?:{_THINGS})\b",
        re.ASCII,
    ),
    re.compile(
        rf"\b{_AMOUNT}(?:{_THINGS})(?: ?(?:a|per|each|every|/) ?(?:second|minute|hour|day|week|month|year|user))?\b",
        re.ASCII,
    ),
)
_LESS: Final = re.compile(
    r"drop|fall|fell|declin|shrink|shrank|decreas|down|los|cut|reduc|less|fewer|lower|minus|smaller|remov"
)
_BIG: Final = {"twenty": 20.0, "fifty": 50.0, "hundred": 100.0, "a hundred": 100.0}


def find_volume_change(text: Text) -> tuple[str, float | None] | None:
    """The change of volume that a message supposes, in the user's words, and its factor: 2.0 for ``doubles``, ``None`` for
    an amount such as ``another 5000 users``."""
    for pattern in _PATTERNS:
        if (match := pattern.search(text.lower)) is not None:
            return text.cite(*match.span()).strip(), _factor(match.groupdict())
    return None


def _factor(named: dict[str, str | None]) -> float | None:
    if (times := named.get("times") or named.get("factor")) is not None:
        if times[0].isdecimal():
            return float(times.replace(",", ""))
        return _BIG.get(times) or float(number_of(times))
    if (fixed := named.get("fixed")) is not None:
        return next(factor for factor, words in _FIXED.items() if re.match(words, fixed))
    if (way := named.get("way")) is None:
        return None
    share = float(named["n"] or 0) / 100
    return round(max(0.0, 1 - share) if _LESS.match(way) else 1 + share, 6)
