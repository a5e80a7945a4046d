"""Whether a text holds only figures that were computed.

A language model may phrase what tools have answered; it may not invent a number for it. A number of the text is supported if a
figure of the tools' answers of its own kind equals it, or rounds to it at its last digit: an amount by an amount, a percentage by
a percentage, a day by a day; a number without a sign by any figure. Nothing is computed here: a sum or a share that no tool has
answered is not supported. A word with digits in it is a number that cannot be read, unless it is a name of the data.
"""

from __future__ import annotations

import re
from typing import Any, Final

from .figures import Figures
from .written_numbers import displayed, numbers_in

_ITEM: Final = re.compile(r"(?m)^ ?(\d{1,2})[.)](?=\s|\Z)", re.ASCII)
MAX_TEXT: Final = 20_000
"""A text that is longer is not looked at, and not supported."""
_WORD: Final = re.compile(r"(?<![\w$])[A-Za-z][\w.:/@+-]*\w")


class NumberCheck:
    """The figures of ``answers`` (each JSON), against which the parts of one text are checked, from its beginning on."""

    def __init__(self, *answers: Any, figures: Figures | None = None) -> None:
        self.figures = Figures() if figures is None else figures
        for answer in answers:
            self.figures.add(answer)
        self._items = {0}

    def unsupported(self, text: str) -> list[str]:
        """The numbers of ``text`` that no figure supports, as written."""
        if len(text) > MAX_TEXT:
            return [text[:20]]
        shown = displayed(text)
        for version in self.figures.versions:
            shown = re.sub(rf"(?<![\w.]){re.escape(version)}(?![\w]|\.\d)", " ", shown)
        shown = _WORD.sub(lambda match: " " if match[0].lower() in self.figures.names else match[0], shown)
        shown = _ITEM.sub(self._item, shown)
        return [each.said for each in numbers_in(shown) if not self.figures.has(each)]

    def _item(self, match: re.Match[str]) -> str:
        """The numbers of a list's items are the text's own, if each goes on from the one before it."""
        number = int(match[1])
        if number - 1 not in self._items:
            return match[0]
        self._items.add(number)
        return " "
