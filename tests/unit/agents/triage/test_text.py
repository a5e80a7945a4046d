"""A message brought into the one form."""

from __future__ import annotations

import pytest

from netra_backend.app.agents.triage.text import HEAD, TAIL, read


def test_it_keeps_the_users_writing_beside_the_lower_case() -> None:
    text = read("How much on GPT-4o?")
    assert text.said == "How much on GPT-4o?"
    assert text.lower == "how much on gpt-4o?"


def test_a_mended_word_is_cited_as_it_was_written() -> None:
    text = read("Spend in Septmber, please")
    at = text.lower.index("september")
    assert text.cite(at, at + len("september")) == "Septmber"
    assert text.cite(text.lower.index("please"), len(text.lower)) == "please"


def test_half_of_a_mended_word_is_cited_whole() -> None:
    text = read("Septmber")
    assert text.cite(2, 5) == "Septmber"


@pytest.mark.parametrize("written", ["сost", "cоst", "ｃｏｓｔ", "c\u200bo\u00adst", "CO\u0301ST"])
def test_lookalikes_and_hidden_characters_do_not_hide_a_word(written: str) -> None:
    assert read(written).lower == "cost"


def test_a_word_of_another_script_stays_what_it_is() -> None:
    assert read("сколько").lower == "сколько"


def test_a_long_message_is_read_at_its_beginning_and_its_end() -> None:
    text = read("first words " + "x" * 70_000 + " last words")
    assert text.lower.startswith("first words")
    assert text.lower.endswith("last words")
    assert len(text.lower) <= HEAD + TAIL


@pytest.mark.parametrize(
    "hostile", ["", "\x00" * 100, "\ud800", "ﷺ" * 30_000, "a\u0301" * 40_000, "\n" * 65_536, "🙂" * 9_000]
)
def test_anything_is_read_within_bounds(hostile: str) -> None:
    assert len(read(hostile).said) <= HEAD + TAIL


def test_controls_become_spaces_and_quotes_become_plain() -> None:
    assert read("what’s\tthe “cost”").lower == 'what\'s the "cost"'


def test_words_are_given_in_order() -> None:
    assert read("What's up, 3 times?").words == ("what's", "up", "3", "times")
