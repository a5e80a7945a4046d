"""What goes out: in order, in one write, and within its bounds of bytes and of time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.core.errors import SSotIsolationError
from netra_backend.app.core.outbox import Outbox
from netra_backend.app.websocket_core.outgoing import Outgoing
from netra_backend.app.websocket_core.websocket_connection_pool import WebSocketConnectionPool
from test_framework.clock import ManualClock


class Wire:
    """Takes frames while it is writable; ``takes`` is how much a closed window lets through at each look."""

    def __init__(self) -> None:
        self.writable = True
        self.unsent = 0
        self.writes: list[list[bytes]] = []
        self.closed: list[tuple[int, str]] = []

    def send(self, frames: Any) -> None:
        self.writes.append(list(frames))

    def ping(self) -> bool:
        return True

    def close(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))


class Story:
    """The half of a connection that writes, and what it did."""

    def __init__(self) -> None:
        self.wire, self.clock, self.slow = Wire(), ManualClock(), 0
        pool = WebSocketConnectionPool()
        loop = asyncio.get_running_loop()
        pool.configure(loop.call_soon)
        outbox = Outbox("user_ada", 100, 10.0)
        self.half = Outgoing(outbox, self.wire, pool, self.clock, loop, self.on_slow)

    def on_slow(self) -> None:
        self.slow += 1


@pytest.fixture
async def story() -> Story:
    return Story()


async def test_all_of_one_iteration_leaves_in_one_write_in_order(story: Story, turns: Any) -> None:
    story.half.push((b"a",))
    assert story.half.deliver("user_ada", "thr_1", [b"b"]) is False  # a flush is due already
    story.half.push((b"c", b"d"))
    assert story.wire.writes == []
    await turns()
    assert story.wire.writes == [[b"a", b"b", b"c", b"d"]]


async def test_delivered_events_want_a_flush_of_the_pool(story: Story) -> None:
    assert story.half.deliver("user_ada", "thr_1", [b"a"]) is True
    assert story.half.deliver("user_ada", "thr_2", [b"b"]) is False
    story.half.flush()
    assert story.wire.writes == [[b"a", b"b"]]
    assert story.half.deliver("user_ada", "thr_1", [b"c"]) is True


async def test_a_thread_that_is_caught_up_comes_from_the_log_instead(story: Story) -> None:
    story.half.catching_up.add("thr_1")
    assert story.half.deliver("user_ada", "thr_1", [b"a"]) is False
    assert story.half.deliver("user_ada", "thr_2", [b"b"]) is True
    story.half.flush()
    assert story.wire.writes == [[b"b"]]


@pytest.mark.validation_point("outbox.owner")
async def test_what_is_anothers_is_never_queued(story: Story) -> None:
    with pytest.raises(SSotIsolationError):
        story.half.deliver("user_bob", "thr_1", [b"a"])
    story.half.flush()
    assert story.wire.writes == []


async def test_over_the_bound_only_a_socket_that_takes_nothing_is_slow(story: Story) -> None:
    story.half.push((b"x" * 200,))
    assert (story.slow, story.wire.writes) == (0, [[b"x" * 200]])
    story.wire.writable = False
    story.half.push((b"y" * 101,))
    assert story.slow == 1
    assert story.half.deliver("user_ada", "thr_1", [b"z"]) is False
    assert story.slow == 2


async def test_a_socket_that_takes_some_of_what_it_has_is_not_stalled(story: Story) -> None:
    story.wire.writable, story.wire.unsent = False, 1000
    story.half.push((b"a",))
    story.half.flush()
    assert not story.half.is_stalled(story.clock.monotonic() + 9.9)
    story.wire.unsent = 900
    at = story.clock.monotonic() + 10.0
    assert not story.half.is_stalled(at)
    assert story.half.is_stalled(at + 10.0)


async def test_who_waits_until_all_has_left_is_woken_by_the_write_and_by_the_end(story: Story, turns: Any) -> None:
    story.wire.writable = False
    for end in (story.half.writable, story.half.stop):
        story.half.push((b"a",))
        waiting = asyncio.create_task(story.half.drained())
        await turns()
        assert not waiting.done()
        story.wire.writable = True
        end()
        story.wire.writable = False
        await waiting


async def test_it_closes_with_what_is_queued_and_sends_nothing_after_its_end(story: Story, turns: Any) -> None:
    story.half.push((b"last words",))
    story.half.close(4408, "slow_consumer")
    story.half.stop()
    assert (story.wire.writes, story.wire.closed) == ([[b"last words"]], [(4408, "slow_consumer")])
    story.half.push((b"a",))
    assert story.half.deliver("user_ada", "thr_1", [b"b"]) is False
    await turns()
    assert len(story.wire.writes) == 1
