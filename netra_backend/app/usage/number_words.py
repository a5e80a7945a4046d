"""Numbers that are written as English words: "twenty-five", "two thirds", "twice", "hundreds".

A word from the lists here is a number. ``one`` is none by itself ("one of them"), and neither is a place in an order ("the
second"). A plural such as "thousands" names no figure at all, so no figure is the one that it names.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, NamedTuple

# fmt: off
_UNITS: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
# fmt: on
_SMALL: Final = {word: number for number, word in enumerate(_UNITS)} | {
    word: 10 * number for number, word in enumerate(_TENS, 2)
}
_LARGE: Final = {"dozen": 12, "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_TIMES: Final = {
    r"twice|twofold|doubl(?:e|es|ed|ing)": 2,
    r"thrice|threefold|tripl(?:e|es|ed|ing)": 3,
    r"fourfold|quadrupl(?:e|es|ed|ing)": 4,
    r"fivefold": 5,
    r"tenfold": 10,
}
_PARTS: Final = {
    r"hal(?:f|ves|ved|ve|ving)": 2, r"thirds?": 3, r"quarters?|fourths?": 4, r"fifths?": 5, r"sixths?": 6, r"sevenths?": 7,
    r"eighths?": 8, r"ninths?": 9, r"tenths?": 10, r"hundredths?": 100,
}  # fmt: skip
_ONE: Final = r"|".join((*_SMALL, *_LARGE))
_CARDINAL: Final = re.compile(rf"(?<![A-Za-z])(?:{_ONE})(?:[\s-](?:and\s)?(?:{_ONE}))*(?![A-Za-z])", re.IGNORECASE)
_PART: Final = re.compile(
    rf"(?<![A-Za-z])(?:(?P<of>an?|one|two|three|four|five|six|seven|eight|nine|ten)[\s-](?P<part>{'|'.join(_PARTS)})"
    rf"|(?P<half>hal(?:f|ves|ved|ve|ving)))(?![A-Za-z])",
    re.IGNORECASE,
)
_MULTIPLE: Final = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(_TIMES)})(?![A-Za-z])", re.IGNORECASE)
_VAGUE: Final = re.compile(
    r"(?<![A-Za-z])(?:dozens|hundreds|thousands|millions|billions|trillions)(?![A-Za-z])", re.IGNORECASE
)
_COUNTS_ONE: Final = re.compile(
    rf"[\s-](?:%|per\s?cent|dollars?\b|cents?\b|usd\b|(?:in|out\sof)\s(?:every\s)?(?:\d|(?:{_ONE})\b))",
    re.IGNORECASE,
)


class Word(NamedTuple):
    """A number in words, and where it stands. ``value`` is ``None`` for one that names no figure. ``is_part``: it is a part of a
    whole, in percent."""

    start: int
    end: int
    value: Decimal | None
    is_part: bool = False


def number_words(text: str) -> list[Word]:
    """The numbers that are written as words, none of them twice, in a text whose spaces are single."""
    found: list[Word] = []

    def part(match: re.Match[str]) -> str:
        said = (match["part"] or match["half"]).lower()
        whole = next(by for words, by in _PARTS.items() if re.fullmatch(words, said))
        count = _SMALL.get((match["of"] or "").lower(), 1)
        found.append(Word(*match.span(), Decimal(100) * count / whole, True))
        return " " * len(match[0])

    def number(match: re.Match[str]) -> str:
        said = match[0].lower()
        if said == "one" and not _COUNTS_ONE.match(match.string, match.end()):
            return match[0]
        found.append(Word(*match.span(), _value(said)))
        return " " * len(match[0])

    text = _PART.sub(part, text)
    for pattern in (_MULTIPLE, _VAGUE, _CARDINAL):
        text = pattern.sub(number, text)
    return found


def _value(said: str) -> Decimal | None:
    """The number; ``None`` for one that names no figure."""
    if _VAGUE.fullmatch(said):
        return None
    for words, times in _TIMES.items():
        if re.fullmatch(words, said):
            return Decimal(times)
    total, group = 0, 0
    for word in re.split(r"[\s-]+", said):
        if word in _SMALL:
            group += _SMALL[word]
        elif word in ("hundred", "dozen"):
            group = max(group, 1) * _LARGE[word]
        elif word in _LARGE:
            total, group = total + max(group, 1) * _LARGE[word], 0
    return Decimal(total + group)
