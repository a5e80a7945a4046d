"""Playbooks: scripts of inputs and effects over a machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from test_framework.playbook import Playbook, like, play


@dataclass
class Doubled:
    value: int
    by: str = "me"


def double(number: int) -> Any:
    """0 gives nothing, an odd number one effect, an even one two."""
    if number == 0:
        return None
    return Doubled(2 * number) if number % 2 else (Doubled(2 * number), Doubled(4 * number, "twice"))


def test_a_script_that_the_machine_follows_passes() -> None:
    book = Playbook(double)
    book >> 0 >> 1 << Doubled(2) >> 2 << Doubled << like(Doubled, value=8, by=str)
    book.end()


def test_an_effect_that_does_not_come_fails_with_the_script_so_far() -> None:
    with pytest.raises(AssertionError, match=r">> 1\n<< Doubled.*\n<< Doubled.*but:\nnothing came"):
        Playbook(double) >> 1 << Doubled(2) << Doubled(4)


def test_another_effect_fails_and_is_shown() -> None:
    with pytest.raises(AssertionError, match=r"but:\nDoubled\(value=2"):
        Playbook(double) >> 1 << Doubled(3)


def test_an_effect_that_was_not_expected_fails_at_the_next_input_and_at_the_end() -> None:
    with pytest.raises(AssertionError, match="left the script"):
        Playbook(double) >> 1 >> 1
    with pytest.raises(AssertionError, match=r"\(end\)"):
        (Playbook(double) >> 2 << Doubled).end()


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        (like(Doubled), True),
        (like(Doubled, value=2), True),
        (like(Doubled, value=int, by="me"), True),
        (like(Doubled, value=3), False),
        (like(Doubled, other=2), False),
        (like(int), False),
        (like(Doubled, by=like(str)), True),
    ],
)
def test_a_pattern_matches_by_type_and_named_attributes(pattern: like, matches: bool) -> None:
    assert pattern.matches(Doubled(2)) is matches
    assert "(" in str(pattern)


def test_play_gives_all_effects_in_order() -> None:
    assert play(double, [0, 1, 2]) == [Doubled(2), Doubled(4), Doubled(8, "twice")]
