"""Markdown that shows data as data: whatever a team or a feature is called, it stays inside its cell."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

MAX_CELL: Final = 80

_ESCAPED: Final = re.compile(r"([\\`*_{}\[\]()#+!|~$@]|:(?=//))")
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .,/_-]*(?:: ?[A-Za-z0-9][A-Za-z0-9 .,_-]*)*\Z")


def text(value: object) -> str:
    """A name from the data, harmless in Markdown and in what is made of it: no markup, no link, no line break, bounded."""
    shown = "".join(character if _visible(character) else " " for character in str(value))
    shown = re.sub(r" +", " ", shown).strip()
    if len(shown) > MAX_CELL:
        shown = f"{shown[: MAX_CELL - 1]}…"
    if _PLAIN.match(shown) and "__" not in shown and "www." not in shown.lower():
        return shown
    escaped = _ESCAPED.sub(r"\\\1", shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
    return re.sub(r"(?i)www\.", r"www\\.", escaped)


def sentence(value: str) -> str:
    """A sentence that may hold a name from the data, harmless in the same way; word by word, so that none is cut."""
    return " ".join(text(word) for word in value.split(" ") if word)


def _visible(character: str) -> bool:
    """Neither a control character nor one that turns or hides what follows."""
    return unicodedata.category(character)[0] != "C" and unicodedata.category(character) not in ("Zl", "Zp")


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 1) -> list[str]:
    """A table's lines; the columns from ``numbers`` on are set to the right. Cells are Markdown already."""
    marks = ["---" if index < numbers else "---:" for index in range(len(header))]
    return [_row(header), _row(marks), *(_row(row) for row in rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
