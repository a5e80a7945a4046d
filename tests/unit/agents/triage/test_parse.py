"""A message read once."""

from __future__ import annotations

from netra_backend.app.agents.triage.parse import read_message


def test_what_is_named_stands_as_one_word_each() -> None:
    reading = read_message("What if GPT-4o last month cost $5,000 for 3 teams?", now_ms=0, timezone="UTC")
    assert reading.plain == "what if modelname periodspan cost numtok for numtok teams?"


def test_levers_come_in_the_order_of_their_words() -> None:
    reading = read_message("would shorter answers or batching help", now_ms=0, timezone="UTC")
    assert reading.levers == ("output_length", "batch")


def test_what_is_named_is_among_the_concepts() -> None:
    reading = read_message("cost by team if batching doubles", now_ms=0, timezone="UTC")
    assert {"LEVER", "lever:batch", "BY", "by:team", "VOLUME", "COST"} <= set(reading.concepts)


def test_concepts_are_in_order() -> None:
    reading = read_message("why did the cost jump last week", now_ms=0, timezone="UTC")
    assert list(reading.concepts) == sorted(reading.concepts)


def test_a_period_inside_of_a_model_name_is_the_models() -> None:
    reading = read_message("price of gpt-4o-2024-05-13", now_ms=0, timezone="UTC")
    assert reading.plain == "price of modelname"


def test_a_period_that_has_not_begun_lies_ahead() -> None:
    assert "AHEAD" in read_message("the bill of next quarter", now_ms=1_795_000_000_000, timezone="UTC").concepts
    assert "AHEAD" not in read_message("the bill of last quarter", now_ms=1_795_000_000_000, timezone="UTC").concepts
