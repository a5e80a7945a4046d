"""Supposed changes of volume."""

from __future__ import annotations

import pytest

from netra_backend.app.agents.triage.text import read
from netra_backend.app.agents.triage.volumes import find_volume_change


@pytest.mark.parametrize(
    ("message", "said", "factor"),
    [
        ("what if traffic doubles", "doubles", 2.0),
        ("triple the users", "triple", 3.0),
        ("quadrupling", "quadrupling", 4.0),
        ("quintuple it", "quintuple", 5.0),
        ("half the traffic", "half", 0.5),
        ("10x users", "10x", 10.0),
        ("five times the load", "five times", 5.0),
        ("a hundred times more", "a hundred times", 100.0),
        ("usage x3", "x3", 3.0),
        ("1.5x volume", "1.5x", 1.5),
        ("volume grows by 30%", "grows by 30%", 1.3),
        ("requests drop 40 percent", "drop 40 percent", 0.6),
        ("25% fewer calls", "25% fewer", 0.75),
        ("20% more users", "20% more", 1.2),
        ("+70% users", "+70%", 1.7),
        ("another 5000 users", "another 5000 users", None),
        ("2 million calls a day", "2 million calls a day", None),
    ],
)
def test_a_change_is_given_as_said_and_as_a_factor(message: str, said: str, factor: float | None) -> None:
    assert find_volume_change(read(message)) == (said, factor)


@pytest.mark.parametrize(
    "message", ["half of the month", "20% more expensive", "3 times 4", "how much last week", "gpt-4o"]
)
def test_what_is_no_change_of_volume_is_none(message: str) -> None:
    assert find_volume_change(read(message)) is None


@pytest.mark.parametrize("piece", ["grows a b c ", "9", "1,", "another ", "x "])
def test_a_hostile_repetition_is_read_to_its_end(piece: str) -> None:
    assert find_volume_change(read("y " + piece * 9_000)) is None
