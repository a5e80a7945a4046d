"""Features of a message."""

from __future__ import annotations

from netra_backend.app.agents.triage.features import (
    BLOCKS,
    concept_features,
    content_words,
    counted,
    features,
    letter_features,
    novelty_features,
    word_features,
)
from netra_backend.app.agents.triage.parse import read_message


def test_words_come_alone_and_in_pairs_with_the_borders() -> None:
    assert word_features("the cost?") == ["the", "cost", "?", "^ the", "the cost", "cost ?", "? $"]


def test_letters_come_in_runs_of_two_to_five_within_words() -> None:
    assert letter_features("ab") == [" a", "ab", "b ", " ab", "ab ", " ab ", " ab "]


def test_a_word_without_end_has_bounded_runs() -> None:
    assert len(letter_features("x" * 60_000)) < 130


def test_concepts_come_alone_and_in_pairs() -> None:
    assert concept_features(("A", "B", "C")) == ["A", "B", "C", "A|B", "A|C", "B|C"]


def test_fillers_and_stand_ins_carry_no_meaning() -> None:
    assert content_words("what is the cost of modelname in periodspan") == {"cost"}


def test_an_utterance_is_no_evidence_for_its_own_words() -> None:
    reading = read_message("zebra cost", now_ms=0, timezone="UTC")
    known = {"zebra": 1, "cost": 9}
    assert "new0" in novelty_features(reading, known)
    assert "new1" in novelty_features(reading, known, own=1)


def test_every_block_has_features() -> None:
    found = features(read_message("what did we spend", now_ms=0, timezone="UTC"), {})
    assert tuple(found) == BLOCKS
    assert all(found.values())


def test_features_are_counted() -> None:
    assert dict(counted(["a", "b", "a"])) == {"a": 2, "b": 1}
