"""Misspelt words of the domain."""

from __future__ import annotations

import pytest

from netra_backend.app.agents.triage.spelling import Edit, mend


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("bugdet", "budget"),
        ("forcast", "forecast"),
        ("yesteday", "yesterday"),
        ("septmber", "september"),
        ("cluade", "claude"),
        ("hiaku", "haiku"),
        ("spned", "spend"),
        ("anomolies", "anomalies"),
    ],
)
def test_a_misspelt_word_is_mended(written: str, meant: str) -> None:
    assert mend(f"the {written} now")[0] == f"the {meant} now"


@pytest.mark.parametrize(
    "word", ["taken", "clause", "future", "match", "reports", "prompted", "providing", "cost", "speed"]
)
def test_an_ordinary_word_is_left_alone(word: str) -> None:
    assert mend(word) == (word, ())


def test_an_edit_says_where_the_word_stood() -> None:
    assert mend("a bugdet b mnth") == (
        "a budget b month",
        (Edit(2, 8, 2, 8), Edit(11, 16, 11, 15)),
    )


def test_words_with_figures_are_not_words() -> None:
    assert mend("claud3 gpt4o") == ("claud3 gpt4o", ())
