"""The closed lists."""

from __future__ import annotations

from netra_backend.app.agents.triage.dimensions import _WORDS as DIMENSION_WORDS
from netra_backend.app.agents.triage.intents import DIMENSIONS, INTENTS, LEVERS, OUT_OF_SCOPE
from netra_backend.app.agents.triage.lexicon import word_lists


def test_out_of_scope_is_one_of_twelve_intents() -> None:
    assert OUT_OF_SCOPE in INTENTS
    assert len(INTENTS) == 12


def test_every_lever_has_words_that_name_it() -> None:
    assert set(word_lists("levers")) == set(LEVERS)


def test_every_dimension_has_words_that_name_it() -> None:
    assert set(DIMENSION_WORDS) == set(DIMENSIONS)
