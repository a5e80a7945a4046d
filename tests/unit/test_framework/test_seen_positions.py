"""What a device sees, as tests judge it."""

from __future__ import annotations

import pytest

from netra_backend.app.core.events import Position
from netra_backend.app.core.frames import Resume, decode
from test_framework.seen_positions import kept_by_a_client, resuming, seqs


def test_positions_are_those_of_events_and_not_of_control_frames() -> None:
    assert seqs([{"seq": 4}, {"type": "live", "seq": 4}, {"seq": 5}]) == [4, 5]


def test_a_client_drops_what_it_has_and_takes_what_it_expects() -> None:
    assert kept_by_a_client([1, 2, 2, 1, 3]) == [1, 2, 3]


@pytest.mark.parametrize("positions", [[2], [1, 3], [1, 2, 1, 4]])
def test_a_hole_is_a_failure(positions: list[int]) -> None:
    with pytest.raises(AssertionError, match="came after"):
        kept_by_a_client(positions)


def test_what_is_asked_for_is_a_frame_that_servers_take() -> None:
    frame = decode(resuming(thr_1=("e1", 4)))
    assert isinstance(frame, Resume)
    assert frame.positions == {"thr_1": Position("e1", 4)}
