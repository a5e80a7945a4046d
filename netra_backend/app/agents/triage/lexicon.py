"""Lists of words and phrases with a name each, and where in a text they stand.

The lists are text files beside this module: a name on a line of its own, then words and phrases between commas. ``*`` at
the end of a word stands for any ending, ``…`` for up to four words, a space in a phrase for a space or a hyphen.
Words are looked up in a table and phrases by their first word, so that the time taken grows with the text, not with the
lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Final

_TOKEN: Final = re.compile(r"[a-z0-9_&+$]+(?:'[a-z]{1,3})?")
_NAME: Final = re.compile(r"[A-Za-z_]+\Z")
_GAP: Final = 4

Span = tuple[int, int]


class Lexicon:
    """Named lists of words and phrases."""

    def __init__(self, lists: Mapping[str, Iterable[str]]) -> None:
        self._phrases: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        self._stems: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        for name, entries in lists.items():
            for entry in entries:
                first, *rest = entry.replace("-", " ").split()
                table = self._stems if first.endswith("*") else self._phrases
                table.setdefault(first.rstrip("*"), []).append((name, tuple(rest)))

    def find(self, lower: str) -> dict[str, Span]:
        """The first place of each list that has an entry in the text."""
        found: dict[str, Span] = {}
        tokens = [(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(lower)]
        words = [token[0] for token in tokens]
        for index, (word, start, _) in enumerate(tokens):
            for name, rest in self._entries(word):
                if name not in found and (last := _last(words, index, rest)) is not None:
                    found[name] = (start, tokens[last][2])
        return found

    def _entries(self, word: str) -> Iterable[tuple[str, tuple[str, ...]]]:
        yield from self._phrases.get(word, ())
        for length in range(2, len(word) + 1):
            yield from self._stems.get(word[:length], ())


def _last(words: list[str], index: int, rest: tuple[str, ...]) -> int | None:
    """The index of the last word of a phrase that begins at ``index``; ``None`` if it does not go on that way."""
    gap = 0
    for part in rest:
        if part == "…":
            gap = _GAP
            continue
        for step in range(1, gap + 2):
            if index + step < len(words) and _is(words[index + step], part):
                index += step
                break
        else:
            return None
        gap = 0
    return index


def _is(word: str, part: str) -> bool:
    return word.startswith(part[:-1]) if part.endswith("*") else word == part


@cache
def lexicon(name: str) -> Lexicon:
    """The lexicon of a file of ``lexicon/``."""
    return Lexicon(word_lists(name))


def word_lists(name: str) -> dict[str, list[str]]:
    """The lists of a file of ``lexicon/``."""
    return parse(files(__package__).joinpath("lexicon", f"{name}.txt").read_text(encoding="utf-8"))


def parse(text: str) -> dict[str, list[str]]:
    """The lists of a file's text."""
    lists: dict[str, list[str]] = {}
    entries: list[str] = []
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            entries = []
        elif _NAME.match(line) and not entries and line not in lists:
            entries = lists.setdefault(line, entries)
            entries.append("")
        else:
            entries[-1] += " " + line
    return {
        name: [entry.strip() for part in blob for entry in part.split(",") if entry.strip()]
        for name, blob in lists.items()
    }
