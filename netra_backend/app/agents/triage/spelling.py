"""Corrects misspelt words of the domain, so that rules and classifier see the word that was meant.

Only words that carry meaning here are targets, and only from the same first letter at a distance of one edit; ordinary words
that happen to be that near are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rapidfuzz.distance import OSA

from .lexicon import word_lists

_LISTS: Final = word_lists("spelling")
_TARGETS: Final = tuple(_LISTS["TARGET"])
_MEANT: Final[dict[str, str]] = dict(pair.split() for pair in _LISTS["KNOWN"])
_LEFT_ALONE: Final = frozenset(_LISTS["ORDINARY"]).union(_TARGETS)
_BY_LETTER: Final = {letter: tuple(w for w in _TARGETS if w[0] == letter) for letter in {w[0] for w in _TARGETS}}
_SHORTEST: Final = 5
_WORD: Final = re.compile(r"(?<![a-z0-9])[a-z]{2,20}(?![a-z0-9])")


@dataclass(frozen=True, slots=True)
class Edit:
    """The span of a corrected word in the corrected text, and of the original word in the given text."""

    start: int
    end: int
    given_start: int
    given_end: int


def mend(lower: str) -> tuple[str, tuple[Edit, ...]]:
    """The text with misspelt words of the domain corrected, and the edits in order."""
    pieces: list[str] = []
    edits: list[Edit] = []
    done = length = 0
    for start, end, word in _misspelt(lower):
        pieces.append(lower[done:start])
        length += start - done
        edits.append(Edit(length, length + len(word), start, end))
        pieces.append(word)
        length += len(word)
        done = end
    return "".join([*pieces, lower[done:]]), tuple(edits)


def _misspelt(lower: str) -> Iterator[tuple[int, int, str]]:
    for match in _WORD.finditer(lower):
        word = match.group()
        meant = _MEANT.get(word) or _nearest(word)
        if meant is not None and meant != word:
            yield match.start(), match.end(), meant


def _nearest(word: str) -> str | None:
    if len(word) < _SHORTEST or word in _LEFT_ALONE:
        return None
    for target in _BY_LETTER.get(word[0], ()):
        if (
            len(target) >= _SHORTEST
            and not _is_inflected(word, target)
            and OSA.distance(word, target, score_cutoff=1) <= 1
        ):
            return target
    return None


def _is_inflected(word: str, target: str) -> bool:
    """``prompted`` is not a misspelt ``prompts``: what only adds or drops an ending is a word of its own."""
    shorter, longer = sorted((word, target), key=len)
    return longer.startswith(shorter) or (
        shorter[:-1] == longer[: len(shorter) - 1] and longer[-2:] in ("ed", "er", "es", "ly", "or", "ng")
    )
