"""Dimensions to group by."""

from __future__ import annotations

import pytest

from netra_backend.app.agents.triage.dimensions import find_dimensions
from netra_backend.app.agents.triage.intents import DIMENSIONS
from netra_backend.app.agents.triage.text import read


@pytest.mark.parametrize(
    ("message", "dimensions"),
    [
        ("cost by team and model", ("team", "model")),
        ("which team costs most", ("team",)),
        ("spend per feature", ("feature",)),
        ("who spends the most", ("user",)),
        ("daily spend", ("day",)),
        ("cost over time", ("day",)),
        ("team wise spend", ("team",)),
        ("cost/provider", ("provider",)),
        ("top 10 users", ("user",)),
        ("split by cost centre, then by model", ("team", "model")),
        ("most to least expensive models", ("model",)),
        ("spend of each of our customers", ("user",)),
        ("distribution of the dollars over features", ("feature",)),
        ("allocate the invoice to departments", ("team",)),
        ("the most costly day", ("day",)),
        ("how much did we spend", ()),
        ("the last three days", ()),
        ("our agents are slow", ()),
    ],
)
def test_the_dimensions_are_those_asked_for(message: str, dimensions: tuple[str, ...]) -> None:
    assert find_dimensions(read(message)) == dimensions


@pytest.mark.parametrize("word", ["model", "department", "endpoint", "customer", "vendor", "weekday"])
def test_each_dimension_is_of_the_closed_list(word: str) -> None:
    (dimension,) = find_dimensions(read(f"cost by {word}"))
    assert dimension in DIMENSIONS


@pytest.mark.parametrize("piece", ["by team ", "attribute to ", "which ", "cost/", "team and "])
def test_a_hostile_repetition_is_read_to_its_end(piece: str) -> None:
    assert len(find_dimensions(read(piece * 9_000))) <= len(DIMENSIONS)
