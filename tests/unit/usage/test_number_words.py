"""Numbers that are written as words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from netra_backend.app.usage.number_words import Word, number_words


def read(text: str) -> list[tuple[str, Decimal | None, bool]]:
    return [(text[word.start : word.end], word.value, word.is_part) for word in number_words(text)]


@pytest.mark.parametrize(
    ("text", "said", "value"),
    [
        ("three teams", "three", 3),
        ("Twenty-five dollars", "Twenty-five", 25),
        ("one hundred and five tokens", "one hundred and five", 105),
        ("two hundred thousand", "two hundred thousand", 200_000),
        ("a million and a bit", "million", 1_000_000),
        ("three million two hundred", "three million two hundred", 3_000_200),
        ("a dozen", "dozen", 12),
        ("costs doubled", "doubled", 2),
        ("twice as much", "twice", 2),
        ("one percent", "one", 1),
        ("one in three", "one", 1),
    ],
)
def test_a_number_in_words_is_its_number(text: str, said: str, value: int) -> None:
    assert read(text)[0] == (said, Decimal(value), False)


@pytest.mark.parametrize(
    ("text", "said", "percent"),
    [("half of it", "half", "50"), ("three quarters", "three quarters", "75"), ("a tenth", "a tenth", "10")],
)
def test_a_part_of_a_whole_is_percent(text: str, said: str, percent: str) -> None:
    assert read(text) == [(said, Decimal(percent), True)]


def test_plurals_name_no_figure() -> None:
    assert read("thousands of dollars") == [("thousands", None, False)]


@pytest.mark.parametrize(
    "text", ["one of them", "the second and the third team", "this quarter", "someone often weighs"]
)
def test_what_counts_nothing_is_no_number(text: str) -> None:
    assert number_words(text) == []


def test_places_are_those_of_the_text() -> None:
    assert number_words("a third of ten") == [
        Word(0, 7, Decimal(100) / 3, True),
        Word(11, 14, Decimal(10)),
    ]
