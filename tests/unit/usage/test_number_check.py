"""Figures that nobody computed."""

from __future__ import annotations

import pytest

from netra_backend.app.usage.number_check import NumberCheck

FACTS = {
    "total_usd": "1234.5678",
    "rows": 150,
    "percent": 33.33,
    "period": {"from": "2026-10-15T00:00:00Z"},
    "parts": [{"key": "gpt-4o", "usd": "0.668971"}, {"feature": "save 99 percent", "usd": "12"}],
}


@pytest.mark.parametrize(
    "sentence",
    [
        "The bill is $1,234.57.",
        "About $1,235 or 1.2k in all.",
        "150 requests, a third (33.3 %, 33%).",
        "gpt-4o cost 0.668971, that is 0.67.",
        "Since 2026-10-15.",
        "1. First\n2. Second",
        "Down by -33.33 %.",
        "No figures at all.",
    ],
)
def test_what_was_computed_may_be_written_rounded(sentence: str) -> None:
    assert NumberCheck(FACTS).unsupported(sentence) == []


@pytest.mark.parametrize(
    ("sentence", "invented"),
    [
        ("You can save 42 %.", ["42"]),
        ("The bill is $1,234.99.", ["1,234.99"]),
        ("It will be 2.5k.", ["2.5k"]),
        ("Expect 99 % less.", ["99"]),
        ("Both 150 and 151.", ["151"]),
    ],
)
def test_what_was_not_computed_is_found(sentence: str, invented: list[str]) -> None:
    assert NumberCheck(FACTS).unsupported(sentence) == invented


def test_digits_in_the_names_of_the_data_support_nothing_and_accuse_nobody() -> None:
    assert NumberCheck(FACTS).unsupported("save 99 percent is a feature's name; 99 is no figure") == ["99"]
