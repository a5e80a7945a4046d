"""The outbox: in order, bounded, and only of its owner."""

from __future__ import annotations

import random
from collections import deque

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from netra_backend.app.core.errors import SSotIsolationError
from netra_backend.app.core.outbox import Outbox


def test_frames_leave_at_once_and_in_order() -> None:
    outbox = Outbox("user_1", 100, 10.0)
    assert outbox.put("user_1", [b"1", b"22"])
    assert outbox.put("user_1", [b"333"])
    assert (len(outbox), outbox.bytes) == (3, 6)
    assert outbox.take() == [b"1", b"22", b"333"]
    assert (len(outbox), outbox.bytes, outbox.take()) == (0, 0, [])


def test_the_bound_holds_up_to_its_last_byte() -> None:
    outbox = Outbox("user_1", 4, 10.0)
    assert outbox.put("user_1", [b"12", b"34"])
    assert not outbox.put("user_1", [b"5"])


@pytest.mark.validation_point("outbox.owner")
def test_frames_of_another_user_are_refused_and_not_queued() -> None:
    outbox = Outbox("user_1", 100, 10.0)
    outbox.put("user_1", [b"mine"])
    with pytest.raises(SSotIsolationError, match="another user") as refused:
        outbox.put("user_2", [b"theirs"])
    assert refused.value.entry.id == "cross_user_delivery"
    assert refused.value.entry.close_code == 4530
    assert outbox.take() == [b"mine"]


def test_a_reader_without_progress_is_stalled_after_the_patience() -> None:
    outbox = Outbox("user_1", 100, 10.0)
    assert not outbox.is_stalled(99.0)
    outbox.paused(5.0)
    outbox.paused(14.0)  # the same pause: its beginning counts
    assert not outbox.is_stalled(14.9)
    assert outbox.is_stalled(15.0)
    outbox.resumed()
    assert not outbox.is_stalled(99.0)
    outbox.paused(99.0)
    assert not outbox.is_stalled(108.0)


class OutboxAgainstModel(RuleBasedStateMachine):
    """The outbox beside a queue that is plainly right."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox("user_1", 64, 10.0)
        self.model: deque[bytes] = deque()
        self.now = 0.0
        self.paused_at: float | None = None

    @rule(frames=st.lists(st.binary(max_size=20), max_size=4))
    def put(self, frames: list[bytes]) -> None:
        self.model.extend(frames)
        assert self.outbox.put("user_1", frames) is (sum(map(len, self.model)) <= 64)

    @rule(owner=st.sampled_from(["user_2", "", "USER_1", "user_1 "]), frames=st.lists(st.binary(max_size=5)))
    def put_for_another(self, owner: str, frames: list[bytes]) -> None:
        with pytest.raises(SSotIsolationError):
            self.outbox.put(owner, frames)

    @rule()
    def take(self) -> None:
        assert self.outbox.take() == list(self.model)
        self.model.clear()

    @rule(seconds=st.floats(0, 12))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def pause(self) -> None:
        self.outbox.paused(self.now)
        if self.paused_at is None:
            self.paused_at = self.now

    @precondition(lambda self: self.paused_at is not None)
    @rule()
    def resume(self) -> None:
        self.outbox.resumed()
        self.paused_at = None

    @invariant()
    def agrees(self) -> None:
        assert len(self.outbox) == len(self.model)
        assert self.outbox.bytes == sum(map(len, self.model))
        assert self.outbox.is_stalled(self.now) is (self.paused_at is not None and self.now - self.paused_at >= 10.0)


TestOutboxAgainstModel = OutboxAgainstModel.TestCase


def test_many_small_puts_are_one_big_one(rng: random.Random) -> None:
    frames = [rng.randbytes(rng.randrange(50)) for _ in range(200)]
    one, many = Outbox("u", 10**6, 1.0), Outbox("u", 10**6, 1.0)
    one.put("u", frames)
    for frame in frames:
        many.put("u", [frame])
    assert one.bytes == many.bytes
    assert one.take() == many.take()
