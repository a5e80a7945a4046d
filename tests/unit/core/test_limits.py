"""Limits: the table, what clients are told of it, and what does not go together."""

from __future__ import annotations

from netra_backend.app.core.limits import Limits, told_size


def test_a_client_is_told_the_bounds_that_concern_it() -> None:
    told = Limits().told()
    assert told["bytes"] == 65_536
    assert told["outbox_bytes"] == 1_048_576
    assert set(told) == {"bytes", "connections", "runs", "queued_runs", "frames_per_second", "outbox_bytes"}


def test_limits_that_contradict_each_other_are_named_in_pairs() -> None:
    assert Limits().contradictions() == []
    assert ("message_bytes", "frame_bytes", 0) in Limits(message_bytes=1024, frame_bytes=65_536).contradictions()


def test_sizes_are_told_in_the_largest_unit_of_which_they_are_whole_ones() -> None:
    sizes = (0, 100, 1_024, 1_536, 8 << 20, 64 << 30, 2_000 << 30)
    told = ["0 bytes", "100 bytes", "1 KiB", "1,536 bytes", "8 MiB", "64 GiB", "2,000 GiB"]
    assert [told_size(size) for size in sizes] == told
