"""The features of a message: words and word pairs, letters in runs of two to five, concepts and pairs of them, and novelty.

The same functions feed training and inference, so that the two cannot differ.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from .lexicon import word_lists
from .parse import MODEL, NUMBER, PERIOD, Reading

BLOCKS: Final = ("words", "letters", "concepts", "novelty")
"""Each block is weighted by TF-IDF and normalised on its own."""

Features = dict[str, list[str]]
_WORD: Final = re.compile(r"[a-z0-9']+|[^\W_]+|[?!]")
_CONTENT: Final = re.compile(r"[^\W\d_][\w']*")
_FILLERS: Final = frozenset(word_lists("fillers")["FILLER"]) | {MODEL, PERIOD, NUMBER}


def word_features(plain: str) -> list[str]:
    """Words and pairs of words."""
    words = _WORD.findall(plain)
    return words + [f"{left} {right}" for left, right in zip(["^", *words], [*words, "$"], strict=True)]


def letter_features(plain: str) -> list[str]:
    """Runs of two to five letters within words and at their borders."""
    runs = []
    for word in plain.split():
        padded = f" {word[:30]} "
        for length in range(2, 6):
            runs += [padded[at : at + length] for at in range(max(1, len(padded) - length + 1))]
    return runs


def concept_features(concepts: tuple[str, ...]) -> list[str]:
    """Concepts and pairs of concepts."""
    return [*concepts, *(f"{a}|{b}" for at, a in enumerate(concepts) for b in concepts[at + 1 :])]


def content_words(plain: str) -> set[str]:
    """The words that carry meaning."""
    return {word for word in _CONTENT.findall(plain) if word not in _FILLERS}


def novelty_features(reading: Reading, known: Mapping[str, int], *, own: int = 0) -> list[str]:
    """How much of a message is made of words that users of this domain use.

    ``known`` counts the in-scope utterances that hold each word; in training ``own`` is 1 for an in-scope utterance, so that
    none counts as evidence for its own words.
    """
    counts = [known.get(word, 0) - own for word in content_words(reading.plain)]
    new = sum(count <= 0 for count in counts)
    rare = sum(0 < count <= 2 for count in counts)
    total = len(counts)
    return [
        f"new{min(new, 4)}",
        f"rare{min(rare, 3)}",
        f"share{5 * new // (total + 1)}",
        f"total{min(total, 6)}",
        f"old{min(total - new, 5)}",
        f"new{min(new, 3)}of{min(len(reading.concepts), 4)}",
    ]


def features(reading: Reading, known: Mapping[str, int], *, own: int = 0) -> Features:
    """All features of a message, by block."""
    return {
        "words": word_features(reading.plain),
        "letters": letter_features(reading.plain),
        "concepts": concept_features(reading.concepts),
        "novelty": novelty_features(reading, known, own=own),
    }


def counted(block: list[str]) -> Iterator[tuple[str, int]]:
    """Each feature of a block with its count."""
    yield from Counter(block).items()
