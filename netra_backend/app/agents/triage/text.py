"""A message as the rules and the classifier read it: bounded, of one Unicode form, without look-alike letters.

``read`` keeps the writing of the user in ``said`` and gives beside it the same text in lower case with its spelling mended,
so that a span found in the one can be cited from the other.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from .spelling import Edit, mend

HEAD: Final = 700
TAIL: Final = 400
"""What is read of a long message: its beginning and its end, where the request stands. Everything after is bounded by it."""

_QUOTES: Final = str.maketrans(
    {"’": "'", "‘": "'", "ʼ": "'", "`": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-"}
)
_LOOKALIKES: Final = str.maketrans(
    dict(zip("абвеёзікмнорстухѕјԁԛԝһӏ", "a6beeeikmhopctyxsjdqwhl", strict=True))
    | dict(zip("АВЕЅІЈКМНОРСТУХ", "ABESIJKMHOPCTYX", strict=True))
    | dict(zip("αβεικνορτυχω", "abeikvoptuxw", strict=True))
    | dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True))
    | {"ı": "i", "ɡ": "g", "ɑ": "a", "ꞓ": "c"}
)
_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W\d_]{1,4})?")
_MIXED: Final = re.compile(r"[^\W\d_]{2,64}")
_SPACE: Final = re.compile(r"[^\S\n]+")


@dataclass(frozen=True)
class Text:
    """``said`` is the user's own writing, ``lower`` what rules and classifier read; ``edits`` say where the two differ."""

    said: str
    lower: str
    edits: tuple[Edit, ...] = ()

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words and numbers, in order."""
        return tuple(_WORD.findall(self.lower))

    def part(self, start: int, end: int) -> Text:
        """The text between two positions of ``lower``."""
        return read(self.cite(start, end))

    def cite(self, start: int, end: int) -> str:
        """The user's own writing between two positions of ``lower``."""
        return self.said[self._given(start, first=True) : self._given(end, first=False)]

    def _given(self, position: int, *, first: bool) -> int:
        shift = 0
        for edit in self.edits:
            if edit.end <= position:
                shift = edit.given_end - edit.end
            elif edit.start < position:
                return edit.given_start if first else edit.given_end
        return position + shift


def read(message: str) -> Text:
    """Bring a message, of any length and content, into the one form. Never raises."""
    if len(message) > HEAD + TAIL:
        message = message[:HEAD] + "\n" + message[1 - TAIL :]
    shown = "".join(_visible(character) for character in message.translate(_QUOTES))
    composed = unicodedata.normalize("NFKC", shown)[: 2 * (HEAD + TAIL)]
    plain = "".join(c for c in unicodedata.normalize("NFKD", composed) if not unicodedata.combining(c))
    said = _SPACE.sub(" ", _MIXED.sub(_one_script, plain.translate(_QUOTES)))[: HEAD + TAIL].strip()
    lower, edits = mend("".join(_lower(character) for character in said))
    return Text(said, lower, edits)


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cf", "Cs", "Co"):
        return ""
    return " " if category == "Cc" and character != "\n" else character


def _lower(character: str) -> str:
    lower = character.lower()
    return lower if len(lower) == 1 else character


def _one_script(word: re.Match[str]) -> str:
    """A word that mixes Latin letters with look-alikes of another script is read as the Latin word it looks like."""
    letters = word.group()
    if letters.isascii() or not any(c.isascii() for c in letters):
        return letters
    return letters.translate(_LOOKALIKES)
