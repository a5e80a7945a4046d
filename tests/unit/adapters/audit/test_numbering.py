"""Which numbers rows to come have, whatever numbers rows of other chains have taken."""

from __future__ import annotations

import logging

import pytest

from netra_backend.app.adapters.audit.numbering import AHEAD, LAST, free_after
from netra_backend.app.core.errors import DependencyUnavailable


def number(taken: set[int] | range, last: int, count: int = 3) -> int:
    numbers = free_after(last, count)
    behind, up_to = next(numbers)
    while True:
        if isinstance(taken, range):  # of numbers without a gap
            found = min(up_to, taken.stop - 1) if behind < taken.stop - 1 and up_to >= taken.start else None
        else:
            found = max((id for id in taken if behind < id <= up_to), default=None)
        try:
            behind, up_to = numbers.send(found)
        except StopIteration as end:
            return int(end.value)


def test_rows_follow_on_their_chains_last_while_its_next_numbers_are_free(caplog: pytest.LogCaptureFixture) -> None:
    assert number({1, 2, 5, 9, LAST}, 5) == 5
    assert not caplog.records


@pytest.mark.parametrize("next_one", [6, 7, 8])
def test_a_new_chain_and_one_whose_numbers_are_taken_go_on_behind_the_others_and_say_so(
    next_one: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert number({next_one, 40, LAST, 6 + AHEAD}, 5) == 40
    assert "goes on behind number 40" in caplog.text


def test_no_pattern_of_taken_numbers_is_followed_on_and_on() -> None:
    found = number({6, 5 + AHEAD, 6 + AHEAD, 5 + 2 * AHEAD}, 5)
    assert 5 + AHEAD < found <= 5 + 2 * AHEAD + 1


def test_where_no_number_is_found_it_is_said_and_not_looked_for_without_end() -> None:
    with pytest.raises(DependencyUnavailable, match="finds no number for a row after row 5"):
        number(range(1, 1 << 40), 5)
    with pytest.raises(DependencyUnavailable, match=f"no number left after row {LAST - 2}"):
        number(set(), LAST - 2)
    assert number(set(), LAST - 3) == LAST - 3
