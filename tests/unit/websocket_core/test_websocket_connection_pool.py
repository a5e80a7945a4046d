"""The pool: who gets which event, in how many writes, and that one connection's end costs nobody else anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from netra_backend.app.core.errors import SSotIsolationError
from netra_backend.app.core.history import Chunk, RunRecord, ThreadHead
from netra_backend.app.websocket_core.websocket_connection_pool import MAX_TOPS, WebSocketConnectionPool


@dataclass(eq=False)
class Member:
    """A pool member that keeps what it is given; ``closes_on`` a thread, it removes itself while it is delivered to."""

    pool: WebSocketConnectionPool
    connection_id: str
    user_id: str = "user_ada"
    is_live: bool = True
    closes_on: str = ""
    events: list[tuple[str, str, int, tuple[bytes, ...]]] = field(default_factory=list)
    flushes: int = 0
    waiting: bool = False

    def deliver(self, owner: str, thread_id: str, first: int, frames: Sequence[bytes]) -> bool:
        if thread_id == self.closes_on:
            self.pool.remove(self)
            return False
        self.events.append((owner, thread_id, first, tuple(frames)))
        wanted, self.waiting = not self.waiting, True
        return wanted

    def flush(self) -> None:
        self.flushes += 1
        self.waiting = False


def chunk(owner: str, thread_id: str, first: int = 1, *frames: bytes) -> Chunk:
    made = Chunk(RunRecord(ThreadHead(owner, thread_id, "e", 1), "run_1", "req_1", "a", None, "UTC", 0), first)
    made.frames = list(frames or (b"{}",))
    return made


@pytest.fixture
def pool() -> WebSocketConnectionPool:
    return WebSocketConnectionPool()


def test_events_go_to_all_connections_of_their_owner_and_to_nobody_else(pool: WebSocketConnectionPool) -> None:
    phone, laptop, other = Member(pool, "c1"), Member(pool, "c2"), Member(pool, "c3", "user_bob")
    for member in (phone, laptop, other):
        pool.add(member)
    pool.publish([chunk("user_ada", "thr_1", 1, b"1", b"2"), chunk("user_nobody", "thr_9")])
    assert phone.events == laptop.events == [("user_ada", "thr_1", 1, (b"1", b"2"))]
    assert other.events == []
    assert pool.get_factory_metrics() == {"connections": 3, "users": 2, "events_delivered": 4}


def test_what_is_ready_for_a_connection_leaves_in_one_write(pool: WebSocketConnectionPool) -> None:
    member = Member(pool, "c1")
    pool.add(member)
    pool.publish([chunk("user_ada", f"thr_{n}") for n in range(20)])
    assert (len(member.events), member.flushes) == (20, 1)


def test_a_connection_that_is_closed_by_an_event_takes_no_event_from_others(pool: WebSocketConnectionPool) -> None:
    slow, other = Member(pool, "c1", closes_on="thr_1"), Member(pool, "c2", "user_bob")
    pool.add(slow)
    pool.add(other)
    pool.publish([chunk("user_ada", "thr_1"), chunk("user_bob", "thr_2"), chunk("user_ada", "thr_3")])
    assert [event[1] for event in other.events] == ["thr_2"]
    assert pool.find("c1") is None
    assert pool.tops("user_ada") == {}


@pytest.mark.validation_point("pool.owner")
def test_a_connection_id_has_one_user(pool: WebSocketConnectionPool) -> None:
    pool.add(Member(pool, "c1"))
    with pytest.raises(SSotIsolationError, match="a connection with this id already exists"):
        pool.add(Member(pool, "c1", "user_bob"))
    assert pool.of_user("user_bob") == ()


def test_connections_come_and_go_and_nothing_is_left_of_them(pool: WebSocketConnectionPool) -> None:
    one, two = Member(pool, "c1"), Member(pool, "c2")
    pool.add(one)
    pool.add(two)
    assert pool.of_user("user_ada") == (one, two)
    assert (pool.find("c2"), len(pool), pool.all()) == (two, 2, [one, two])
    pool.publish([chunk("user_ada", "thr_1")])
    for member in (one, one, two):  # once more than it is there
        pool.remove(member)
    assert (pool.of_user("user_ada"), len(pool), pool.tops("user_ada")) == ((), 0, {})


def test_tops_tell_the_newest_positions_of_a_bounded_number_of_threads(pool: WebSocketConnectionPool) -> None:
    pool.add(Member(pool, "c1"))
    for n in range(MAX_TOPS + 10):
        pool.publish([chunk("user_ada", f"thr_{n}", 1, b"1", b"2")])
    pool.publish([chunk("user_ada", f"thr_{MAX_TOPS + 9}", 3)])
    tops = pool.tops("user_ada")
    assert len(tops) == MAX_TOPS
    assert tops[f"thr_{MAX_TOPS + 9}"] == 3
    assert "thr_0" not in tops


async def test_what_is_queued_outside_of_delivery_is_written_once_at_the_end_of_the_turn(
    pool: WebSocketConnectionPool,
) -> None:
    scheduled: list[Callable[[], None]] = []
    pool.configure(scheduled.append)
    member, other = Member(pool, "c1"), Member(pool, "c2")
    pool.touch(member)
    pool.touch(other)
    assert len(scheduled) == 1
    scheduled[0]()
    assert (member.flushes, other.flushes) == (1, 1)
    pool.touch(member)
    assert len(scheduled) == 2


async def test_cleanup_forgets_every_connection(pool: WebSocketConnectionPool) -> None:
    pool.configure(asyncio.get_running_loop().call_soon)
    member = Member(pool, "c1")
    pool.add(member)
    pool.touch(member)
    await pool.cleanup()
    pool.flush()
    assert (len(pool), member.flushes, pool.find("c1")) == (0, 0, None)


async def test_what_others_committed_goes_to_all_connections_of_its_owner_in_one_write(
    pool: WebSocketConnectionPool,
) -> None:
    pool.configure(asyncio.get_running_loop().call_soon)
    phone, laptop, other = Member(pool, "c1"), Member(pool, "c2"), Member(pool, "c3", "user_bob")
    for member in (phone, laptop, other):
        pool.add(member)
    pool.deliver("user_ada", "thr_1", 4, [b"4", b"5"])
    pool.deliver("user_ada", "thr_1", 6, [b"6"])
    pool.deliver("user_nobody", "thr_9", 1, [b"1"])
    assert phone.flushes == 0
    await asyncio.sleep(0)
    assert (
        phone.events
        == laptop.events
        == [
            ("user_ada", "thr_1", 4, (b"4", b"5")),
            ("user_ada", "thr_1", 6, (b"6",)),
        ]
    )
    assert (phone.flushes, laptop.flushes, other.flushes, other.events) == (1, 1, 0, [])
    assert pool.tops("user_ada") == {"thr_1": 6}
    assert pool.events_delivered == 6


def test_whoever_watches_is_told_of_users_and_not_of_their_second_devices(pool: WebSocketConnectionPool) -> None:
    told: list[str] = []
    pool.watch(lambda user: told.append(f"{user} came"), lambda user: told.append(f"{user} left"))
    phone, laptop, other = Member(pool, "c1"), Member(pool, "c2"), Member(pool, "c3", "user_bob")
    for member in (phone, laptop, other):
        pool.add(member)
    for member in (phone, laptop, laptop, other):
        pool.remove(member)
    pool.add(phone)
    assert told == ["user_ada came", "user_bob came", "user_ada left", "user_bob left", "user_ada came"]
