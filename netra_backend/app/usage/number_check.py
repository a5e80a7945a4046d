"""Whether a text holds only figures that were computed.

A language model may phrase a report; it may not invent a number for it. A number of the text is supported where some figure of
the tools' answers equals it, or rounds to it at the number of decimals in which the text writes it. Names are not figures:
digits in the name of a model, a team or a feature support nothing, and are not held against the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

NAMES: Final = frozenset(
    {"key", "name", "model", "models", "provider", "team", "feature", "user", "end_user", "dataset_id", "priced_as", "format",
     "smaller", "now", "offers", "to_model", "to_provider", "message", "top"}
)  # fmt: skip
"""Fields whose texts come from the log or the price list."""

_NUMBER: Final = re.compile(r"(?<![\w.])[-−]?\d[\d,]*(?:\.\d+)?(?:\s?(?:k|K|M|million|thousand)\b)?")
_PLAIN: Final = re.compile(r"[-−]?\d+(?:\.\d+)?")
_SCALE: Final = {"k": 1_000, "K": 1_000, "thousand": 1_000, "M": 1_000_000, "million": 1_000_000}


class NumberCheck:
    """The figures in ``facts`` (JSON), against which texts are checked."""

    def __init__(self, facts: Any) -> None:
        names, self._figures = _gathered(facts)
        self._names = sorted(names, key=len, reverse=True)

    def unsupported(self, text: str) -> list[str]:
        """The numbers of ``text`` that no figure supports, as written."""
        for name in self._names:
            text = text.replace(name, " ")
        # The numbers of a list's items are the text's own.
        text = re.sub(r"(?m)^\s*\d{1,2}[.)](?:\s|\Z)", " ", text)
        return [match[0] for match in _NUMBER.finditer(text) if not _supported(match[0], self._figures)]


def _supported(written: str, figures: set[Decimal]) -> bool:
    number = _PLAIN.match(written.replace(",", "").replace("−", "-"))
    assert number is not None  # the pattern begins with a number
    value = Decimal(number[0])
    scale = _SCALE.get(written[-1:]) or next((by for word, by in _SCALE.items() if written.endswith(word)), 1)
    digit = Decimal(1).scaleb(-len(number[0].partition(".")[2]))
    # A sign may be in the words ("down by 5 %"), so sizes are compared.
    return any(abs(abs(figure) / scale - abs(value)) <= digit / 2 for figure in figures)


def _gathered(facts: Any) -> tuple[set[str], set[Decimal]]:
    names: set[str] = set()
    figures: set[Decimal] = set()
    for field, value in _leaves(facts, ""):
        if isinstance(value, bool) or value is None:
            continue
        if isinstance(value, (int, float)):
            figures.add(Decimal(str(value)))
        elif field in NAMES:
            names.add(value)
        else:
            figures.update(Decimal(number.replace("−", "-")) for number in _PLAIN.findall(value))
    return {name for name in names if any(character.isdigit() for character in name)}, figures


def _leaves(value: Any, field: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, field if field == "top" else key)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _leaves(inner, field)
    else:
        yield field, value
