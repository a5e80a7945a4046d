"""Figures that nobody computed."""

from __future__ import annotations

import pytest

from netra_backend.app.usage.number_check import MAX_TEXT, NumberCheck

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
        ("You can save 42 %.", ["42 %"]),
        ("The bill is $1,234.99.", ["1,234.99"]),
        ("It will be 2.5k.", ["2.5k"]),
        ("Expect 99 % less.", ["99 %"]),
        ("You can save 150 %.", ["150 %"]),
        ("It cost $150.", ["150"]),
        ("Half of it.", ["Half"]),
        ("3. Third", ["3"]),
        ("97. That is much", ["97"]),
        ("Both 150 and 151.", ["151"]),
    ],
)
def test_what_was_not_computed_is_found(sentence: str, invented: list[str]) -> None:
    assert NumberCheck(FACTS).unsupported(sentence) == invented


def test_digits_in_the_names_of_the_data_support_nothing_and_accuse_nobody() -> None:
    facts = {**FACTS, "teams": [{"team": "team7"}, {"team": "99"}, {"team": "$77"}, {"team": "USD55"}]}
    check = NumberCheck(facts)
    assert check.unsupported("gpt-4o, GPT-4o and team7") == []
    assert check.unsupported("save 99 percent is a feature's name") == ["99 percent"]
    assert check.unsupported("99 and $77 and USD55 and gpt-5") == ["99", "77", "USD55", "5"]


def test_the_items_of_a_list_go_on_from_part_to_part() -> None:
    check = NumberCheck(FACTS)
    assert check.unsupported("1. First\n") == []
    assert check.unsupported("1. First\n2. Second") == []
    assert check.unsupported("4. Fourth") == ["4"]


def test_a_text_that_is_too_long_is_not_supported() -> None:
    assert NumberCheck(FACTS).unsupported("a" * (MAX_TEXT + 1))


def test_the_version_of_the_price_list_may_be_told() -> None:
    check = NumberCheck({"prices": {"version": "0.2.3"}})
    assert check.unsupported("genai-prices 0.2.3.") == []
    assert check.unsupported("genai-prices 0.2.34") == ["0.2.34"]
