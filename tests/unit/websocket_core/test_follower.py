"""Delivery over several processes: what a device sees is contiguous and comes once, whoever commits, whatever is lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from netra_backend.app.core.delivery_tracker import DeliveryTracker
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.history import RunRecord
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.quotas import Quotas
from netra_backend.app.services.conversations import Conversations
from netra_backend.app.websocket_core import follower as module
from netra_backend.app.websocket_core.catch_up import CatchUp
from netra_backend.app.websocket_core.follower import Follower
from test_framework.clock import SeededEntropy
from test_framework.ids import new_id
from test_framework.log_story import LogStory
from test_framework.memory.bus import MemoryBus, MemoryHub
from test_framework.memory.ownership import LEASE_MS
from test_framework.memory.shared_log import SharedMemoryLog
from test_framework.memory.store import MemoryStore
from test_framework.seen_positions import kept_by_a_client, resuming, seqs
from test_framework.waiting import turns, until


class Process(LogStory):
    """One process of a server: its log over the common store, its follower, its connections."""

    def __init__(self, room: Any, store: MemoryStore, hub: MemoryHub | None) -> None:
        super().__init__()
        loop = asyncio.get_running_loop()
        self.room = room
        self.rounds: asyncio.Queue[None] = asyncio.Queue()
        self.follower = Follower(room.pool, loop, sleep=self._sleep)
        self.shared = SharedMemoryLog(store, new_id("prc"), room.clock, loop, self.publish, self.failed)
        self.tell(self.shared)
        self.bus = None if hub is None else MemoryBus(hub, self.follower.on_message)
        self.follower.configure(self.log, self.bus)
        conversations = Conversations(self.log, room.clock, SeededEntropy(), new_id, Quotas(Limits()))
        room.handlers.catch_up = CatchUp(self.log, conversations, self.follower, sleep=a_turn).resume

    async def _sleep(self, _: float) -> None:
        await self.rounds.get()

    def publish(self, chunks: Any) -> None:
        self.follower.publish(chunks)

    async def connect(self, user_id: str = "user_ada") -> tuple[Any, Any]:
        """A device whose owner is followed."""
        connection, wire = await self.room.connect(user_id)
        await self.follower.ready(user_id)
        return connection, wire


@pytest.fixture
async def fleet(room: Any, limits: Limits) -> AsyncIterator[Callable[..., Process]]:
    """Makes processes over one store and one bus; ``fleet.hub`` is the bus."""
    store, hub, made = MemoryStore(), MemoryHub(asyncio.get_running_loop()), list[Process]()

    def process(*, bus: bool = True) -> Process:
        own = type(room)(limits)
        own.clock = room.clock
        made.append(Process(own, store, hub if bus else None))
        return made[-1]

    process.hub = hub  # type: ignore[attr-defined]  # the one thing that a test of several processes turns
    yield process
    for each in made:
        await each.follower.close()
        await each.log.close()


async def a_turn(_: float) -> None:
    """What waits for a log that is away lets others go on."""
    await asyncio.sleep(0)


async def taken_over(by: Process, run: RunRecord) -> RunRecord:
    """Have another process take over a run of one whose lease has run out, and which does not know it."""
    clock = by.room.clock
    clock.advance(ms=LEASE_MS + 1)
    by.shared.renew()
    return await by.hold(run)


async def taken_unawares(fleet: Any) -> tuple[Process, Process, RunRecord, RunRecord, Any]:
    """Two processes, a run of the first as it and the second see it, and the first's device: the second has taken the run over,
    and the first does not know it."""
    one, two = fleet(bus=False), fleet(bus=False)
    device = await one.connect()
    run = one.run(one.thread())
    one.write(run)
    await one.log.durable(run)
    return one, two, run, await taken_over(two, run), device


class TestOverTheBus:
    async def test_what_one_process_commits_is_seen_at_both_and_only_by_its_owner(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        _, here = await one.connect()
        _, there = await two.connect()
        _, bob = await two.connect("user_bob")
        run = one.run(one.thread())
        one.write(run, "a")
        one.write(run, "b")
        await one.log.durable(run)
        one.write(run, ends=True)
        await until(lambda: len(seqs(there.said)) == 3)
        assert seqs(here.said) == seqs(there.said) == [1, 2, 3]
        assert bob.said == []
        assert two.follower.gaps_read == 0

    async def test_the_same_bytes_are_seen_everywhere(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        _, here = await one.connect()
        _, there = await two.connect()
        run = one.run(one.thread())
        frames = [one.write(run, "é"), one.write(run, "b", ends=True)]
        await until(lambda: len(seqs(there.said)) == 2)
        assert [frame for write in there.writes for frame in write] == frames
        assert [frame for write in here.writes for frame in write] == frames

    async def test_what_comes_in_one_turn_leaves_in_one_write(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        _, there = await two.connect()
        runs = [one.run(one.thread()) for _ in range(3)]
        for run in runs:
            one.write(run, ends=True)
        await until(lambda: len(seqs(there.said)) == 3)
        assert len(there.writes) == 1

    async def test_lost_messages_are_read_from_the_log_in_order(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        _, there = await two.connect()
        run = one.run(one.thread())
        for part in range(6):
            fleet.hub.up = part in (0, 3, 5)
            one.write(run, str(part))
            await one.log.durable(run)
            await turns(30)
        await until(lambda: len(seqs(there.said)) == 6)
        assert seqs(there.said) == [1, 2, 3, 4, 5, 6]
        assert two.follower.gaps_read == 2

    async def test_a_lost_last_message_is_found_by_a_look_at_the_log(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        _, there = await two.connect()
        fleet.hub.up = False
        run = await one.ended("user_ada", "a", "b")
        fleet.hub.up = True
        await turns(30)
        assert seqs(there.said) == []
        await two.follower.poll()
        await until(lambda: len(seqs(there.said)) == 3)
        await two.follower.poll()
        await turns(30)
        assert seqs(there.said) == [1, 2, 3]
        assert two.follower.at(run.head) == 3

    @pytest.mark.parametrize("round", range(12))
    async def test_devices_see_each_position_once_and_in_order_while_the_thread_moves_and_the_bus_loses(
        self, fleet: Any, rng: random.Random, round: int
    ) -> None:
        rng.seed(f"{rng.random()} {round}")
        fleet.hub._pace = lambda: rng.choice((0.0, 0.0, 0.001, None))
        processes = [fleet(), fleet(), fleet()]
        devices = [await process.connect() for process in processes for _ in range(2)]
        writer, asked = processes[0], set[Any]()
        run = writer.run(writer.thread())
        for _ in range(40):
            writer.write(run, "x" * rng.randrange(300))
            if rng.random() < 0.4:
                await writer.log.durable(run)
                await turns(rng.randrange(4))
            if rng.random() < 0.15:
                await writer.log.durable(run)
                await writer.log.release([run.head])
                writer = rng.choice([process for process in processes if process is not writer])
                run = await writer.hold(run)
            if rng.random() < 0.1:
                connection, wire = rng.choice(devices)
                asked.add(wire)
                epoch = run.head.epoch if seqs(wire.said) else ""
                connection.received(resuming(**{run.head.thread_id: (epoch, max(seqs(wire.said), default=0))}))
            if rng.random() < 0.1:
                fleet.hub.up = not fleet.hub.up
        writer.write(run, ends=True)
        await writer.log.durable(run)
        for process in processes:
            await process.follower.poll()
        await until(lambda: all(seqs(wire.said)[-1:] == [41] for _, wire in devices))
        for _, wire in devices:
            expected = list(range(1, 42))
            assert kept_by_a_client(seqs(wire.said)) == expected
            assert wire in asked or seqs(wire.said) == expected  # whoever asks may be answered with what is on its way


class TestWithoutABus:
    async def test_the_log_is_looked_at_every_round(self, fleet: Any) -> None:
        one, two = fleet(bus=False), fleet(bus=False)
        _, there = await two.connect()
        two.follower.start()
        run = one.run(one.thread())
        for seq in (1, 2, 3):
            one.write(run)
            await one.log.durable(run)
            two.rounds.put_nowait(None)
            await until(partial(lambda count: len(seqs(there.said)) == count, seq))
        assert seqs(there.said) == [1, 2, 3]

    async def test_with_one_it_is_looked_at_now_and_then_and_each_round_while_it_is_lost(self, fleet: Any) -> None:
        two = fleet()
        _, there = await two.connect()
        two.follower.start()
        looks = 0
        moved = two.log.moved

        async def counted(*asked: Any) -> Any:
            nonlocal looks
            looks += 1
            return await moved(*asked)

        two.log.moved = counted
        for up, expected in ((True, 1), (True, 1), (False, 2), (False, 3), (True, 4), (True, 4)):
            fleet.hub.up = up
            two.rounds.put_nowait(None)
            await turns(30)
            assert looks == expected
        for _ in range(module.POLL_ROUNDS):
            two.rounds.put_nowait(None)
        await until(lambda: two.rounds.empty())
        await turns(30)
        assert looks == 5
        assert there.said == []

    async def test_more_threads_than_one_look_shows_are_found_by_several(
        self, fleet: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MAX_MOVED", 3)
        one, two = fleet(bus=False), fleet(bus=False)
        _, there = await two.connect()
        moved = two.log.moved

        async def three(owners: Any, since_ms: int) -> Any:
            return (await moved(owners, since_ms))[:3]

        two.log.moved = three
        for _ in range(10):
            await one.ended("user_ada")
            one.room.clock.advance(ms=1)
        await two.follower.poll()
        await until(lambda: len(seqs(there.said)) == 10)
        assert seqs(there.said) == [1] * 10

    async def test_a_look_goes_on_from_where_the_last_one_ended(self, fleet: Any) -> None:
        one, two = fleet(bus=False), fleet(bus=False)
        await two.connect()
        asked: list[int] = []
        moved = two.log.moved

        async def kept(owners: Any, since_ms: int) -> Any:
            asked.append(since_ms)
            return await moved(owners, since_ms)

        two.log.moved = kept
        await one.ended("user_ada")
        await two.follower.poll()
        await two.follower.poll()
        assert asked == [0, one.room.clock.now_ms() - module.OVERLAP_MS]

    async def test_what_was_told_of_more_threads_than_are_remembered_is_not_told_again(
        self, fleet: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "DeliveryTracker", partial(DeliveryTracker, 3))
        one = fleet(bus=False)
        _, here = await one.connect()
        await one.ended("user_ada")
        await one.follower.poll()
        first, *_ = [await one.ended("user_ada") for _ in range(6)]
        await until(lambda: len(seqs(here.said)) == 7 * first.head.top)
        await one.follower.poll()
        await turns(30)
        assert len(seqs(here.said)) == 7 * first.head.top
        assert one.room.pool.tops("user_ada")[first.head.thread_id] == first.head.top

    async def test_what_another_process_wrote_into_a_thread_that_is_believed_to_be_held_here_is_told(
        self, fleet: Any
    ) -> None:
        one, two, run, taken, (connection, here) = await taken_unawares(fleet)
        two.write(taken)
        two.write(taken)
        await two.log.durable(taken)
        assert run.head.fence  # nobody has told the one that was away so long
        await one.follower.poll()
        await until(lambda: len(seqs(here.said)) == 3)
        connection.received(resuming(**{run.head.thread_id: (run.head.epoch, 3)}))
        await until(lambda: here.said[-1].get("type") == "live")
        assert seqs(here.said) == [1, 2, 3]
        assert here.said[-1]["seq"] == 3

    async def test_what_may_have_been_this_processs_own_is_looked_at_again_however_long_ago_it_was(
        self, fleet: Any
    ) -> None:
        one, two, run, taken, (_, here) = await taken_unawares(fleet)
        two.write(taken, "theirs")
        await two.log.durable(taken)
        run.head.top += 1  # something is on its way to the store, and will be refused
        await one.follower.poll()
        assert seqs(here.said) == [1]
        two.room.clock.advance(ms=10 * module.OVERLAP_MS)
        await two.ended("user_ada", "later")
        await one.follower.poll()
        await until(lambda: seqs(here.said) == [1, 1, 2])
        run.head.top -= 1
        run.head.fence = 0  # it was refused
        await one.follower.poll()
        await until(lambda: seqs(here.said) == [1, 1, 2, 2])
        assert one.follower._doubts == {}

    async def test_what_was_on_its_way_and_is_stored_is_told_once(self, fleet: Any) -> None:
        one = fleet(bus=False)
        _, here = await one.connect()
        run = one.run(one.thread())
        one.write(run)
        await one.log.durable(run)
        run.head.durable = 0  # stored, and this process has no answer yet
        await one.follower.poll()
        assert set(one.follower._doubts) == {run.head.thread_id}
        run.head.durable = 1
        await one.follower.poll()
        await turns(30)
        assert one.follower._doubts == {}
        assert seqs(here.said) == [1]

    async def test_servers_whose_clocks_are_ahead_miss_nothing(self, fleet: Any) -> None:
        one, two = fleet(bus=False), fleet(bus=False)
        await one.ended("user_ada")
        threads, now_ms = two.log.threads, two.room.clock.now_ms()

        async def ahead(*asked: Any, **how: Any) -> Any:
            return [replace(each, updated_ms=now_ms + 3_600_000) for each in await threads(*asked, **how)]

        two.log.threads = ahead  # by the clock of the server that wrote them
        _, there = await two.connect()
        await one.ended("user_ada")
        await two.follower.poll()
        await until(lambda: seqs(there.said) == [1])

    async def test_what_comes_after_the_first_look_at_anybody_is_looked_for_whoever_comes_later(
        self, fleet: Any
    ) -> None:
        one, two = fleet(bus=False), fleet(bus=False)
        _, there = await two.connect("user_ada")
        await one.ended("user_ada")
        one.room.clock.advance(ms=10 * module.OVERLAP_MS)
        await one.ended("user_bob")
        await two.connect("user_bob")
        await two.follower.poll()
        await until(lambda: seqs(there.said) == [1])

    async def test_nobody_is_looked_for_where_nobody_is_connected(self, fleet: Any) -> None:
        one = fleet()

        async def moved(*_: Any) -> Any:
            raise AssertionError("nobody is here")

        one.log.moved = moved
        await one.follower.poll()


class TestFaults:
    async def test_a_log_that_cannot_be_read_is_read_again_and_nothing_is_lost(
        self, fleet: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        one, two = fleet(), fleet()
        _, there = await two.connect()
        run = one.run(one.thread())
        fleet.hub.up = False
        one.write(run)
        await one.log.durable(run)
        fleet.hub.up = True
        pages = two.log.pages

        def broken(*_: Any) -> Any:
            raise DependencyUnavailable("The database does not answer.")

        two.log.pages = broken
        one.write(run)
        await until(lambda: "could not be read" in caplog.text)
        assert seqs(there.said) == []
        two.log.pages = pages
        await two.follower.poll()
        await until(lambda: len(seqs(there.said)) == 2)
        assert seqs(there.said) == [1, 2]
        assert caplog.text.count("could not be read") == 1

    async def test_a_first_look_that_fails_refuses_what_is_asked_and_is_tried_again(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        threads = two.log.threads

        async def broken(*_: Any, **__: Any) -> Any:
            raise DependencyUnavailable("The database does not answer.")

        two.log.threads = broken
        _, there = await two.room.connect()
        with pytest.raises(DependencyUnavailable, match="does not answer"):
            await two.follower.ready("user_ada")
        two.log.threads = threads
        await two.follower.poll()
        await two.follower.ready("user_ada")
        await one.ended("user_ada")
        await until(lambda: seqs(there.said) == [1])

    async def test_a_look_that_fails_ends_no_later_one(self, fleet: Any, caplog: pytest.LogCaptureFixture) -> None:
        one, two = fleet(bus=False), fleet(bus=False)
        _, there = await two.connect()
        moved = two.log.moved

        async def broken(*_: Any) -> Any:
            raise OSError("no route")

        two.log.moved = broken
        two.follower.start()
        await one.ended("user_ada")
        two.rounds.put_nowait(None)
        await until(lambda: "could not be read" in caplog.text)
        two.log.moved = moved
        two.rounds.put_nowait(None)
        await until(lambda: seqs(there.said) == [1])

    async def test_a_false_message_brings_nobody_what_is_anothers(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        _, there = await two.connect()
        run = await one.ended("user_bob", "a secret")
        two.follower.on_message("user_ada", run.head.thread_id, run.head.epoch, 2, [b"{}"])
        two.follower.on_message("user_ada", new_id("thr"), "e", 5, [b"{}"])
        await until(lambda: two.follower.gaps_read == 2)
        await turns(30)
        assert there.said == []

    async def test_a_position_that_the_log_does_not_have_is_not_waited_for(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        _, there = await two.connect()
        run = one.run(one.thread())
        one.write(run)
        await until(lambda: seqs(there.said) == [1])
        two.follower.on_message("user_ada", run.head.thread_id, run.head.epoch, 1_000_000, [b"{}"])
        await until(lambda: two.follower.gaps_read == 1)
        await turns(30)
        one.write(run)
        await until(lambda: seqs(there.said) == [1, 2])

    async def test_a_device_that_goes_while_the_log_is_read_for_it_ends_the_read(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        await two.connect()
        run = await one.ended("user_bob", *map(str, range(700)))
        connection, there = await two.connect("user_bob")
        pages = two.log.pages

        async def and_gone(*asked: Any) -> AsyncIterator[list[bytes]]:
            async for page in pages(*asked):
                connection.lost()
                yield page

        two.log.pages = and_gone
        again = await one.hold(run)
        fleet.hub.up = False
        one.write(again)
        await one.log.durable(again)
        await two.follower.poll()
        await until(lambda: not connection.is_live)
        await turns(30)
        assert there.said == []
        assert two.bus.followed == {"user_ada"}


class TestCatchingUp:
    async def test_a_device_catches_up_on_a_thread_that_goes_on_elsewhere(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        run = one.run(one.thread())
        for _ in range(700):
            one.write(run, "before")
        await one.log.durable(run)
        connection, wire = await two.room.connect()
        connection.received(resuming(**{run.head.thread_id: (run.head.epoch, 10)}))
        for _ in range(40):
            one.write(run, "meanwhile")
            await turns(3)
        await until(lambda: any(frame.get("type") == "live" for frame in wire.said))
        one.write(run, ends=True)
        await until(lambda: seqs(wire.said)[-1:] == [run.head.top])
        assert seqs(wire.said) == list(range(11, run.head.top + 1))
        assert [frame["type"] for frame in wire.said if "type" in frame] == ["live"]

    async def test_a_device_that_saw_more_elsewhere_is_not_reset(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        _, other = await two.connect()
        fleet.hub.up = False
        run = one.run(one.thread())
        for _ in range(5):
            one.write(run)
        await one.log.durable(run)
        connection, wire = await two.room.connect()
        connection.received(resuming(**{run.head.thread_id: (run.head.epoch, 4)}))
        await until(lambda: any(frame.get("type") == "live" for frame in wire.said))
        assert seqs(wire.said) == [5]
        assert seqs(other.said) == [1, 2, 3, 4, 5]
        assert [frame["type"] for frame in wire.said if "type" in frame] == ["live"]

    async def test_a_position_that_the_store_does_not_have_is_reset(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        run = await one.ended("user_ada", "a")
        connection, wire = await two.connect()
        connection.received(resuming(**{run.head.thread_id: (run.head.epoch, 3)}))
        await until(lambda: wire.said)
        assert [(frame["type"], frame["top"]) for frame in wire.said] == [("reset", 2)]

    async def test_another_users_thread_is_not_found_here_either(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        run = await one.ended("user_bob", "a")
        connection, wire = await two.connect()
        connection.received(resuming(**{run.head.thread_id: (run.head.epoch, 1)}))
        await until(lambda: wire.said)
        assert [frame["error"] for frame in wire.said] == ["not_found"]

    async def test_threads_that_were_not_named_are_live_from_what_was_told_here(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        old = await one.ended("user_ada", "a")
        connection, wire = await two.connect()
        fleet.hub.up = False
        new = await one.ended("user_ada", "b", "c")
        connection.received(resuming())
        await until(lambda: len(seqs(wire.said)) == 3)
        live = {frame["thread_id"]: frame["seq"] for frame in wire.said if frame.get("type") == "live"}
        assert live == {old.head.thread_id: 2, new.head.thread_id: 0}
        assert seqs(wire.said) == [1, 2, 3]

    async def test_a_device_that_catches_up_on_an_old_thread_disturbs_no_other(
        self, fleet: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "LOOK_THREADS", 1)
        one, two = fleet(), fleet()
        old = await one.ended("user_ada", "a", "b")
        one.room.clock.advance(s=1)
        await one.ended("user_ada", "c")
        _, other = await two.connect()
        connection, wire = await two.connect()
        connection.received(resuming(**{old.head.thread_id: (old.head.epoch, 1)}))
        await until(lambda: len(wire.said) == 4)
        assert seqs(wire.said) == [2, 3]
        assert other.said == []

    async def test_a_thread_that_is_deleted_here_is_not_told_as_live(self, fleet: Any) -> None:
        one = fleet()
        run = await one.ended("user_ada", "a")
        await one.connect()
        found = await one.log.threads("user_ada", limit=10)
        await one.log.delete_thread(run.head)
        assert one.follower.live("user_ada", found[0]) is None

    async def test_a_log_that_cannot_be_read_resets_nobody(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        connection, wire = await two.connect()
        fleet.hub.up = False
        run = await one.ended("user_ada", "a", "b")

        def broken(*_: Any) -> Any:
            raise DependencyUnavailable("The database does not answer.")

        two.log.pages = broken
        connection.received(resuming(**{run.head.thread_id: (run.head.epoch, 3)}))
        await until(lambda: wire.said)
        assert [frame["error"] for frame in wire.said] == ["dependency_unavailable"]

    async def test_of_somebody_without_a_connection_here_nothing_is_waited_for(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        run = await one.ended("user_ada", "a")
        head = await two.log.find(run.head.thread_id)
        assert head is not None
        await two.follower.ready("user_ada")
        await two.follower.reach(head, 2)
        assert two.follower.at(head) == 2
        await one.log.delete_thread(run.head)
        await two.follower.reach(head, 2)


class TestAnswers:
    async def test_a_request_to_the_holder_is_answered_before_its_events_are_told(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        run = one.run(one.thread())
        one.write(run)
        await one.log.durable(run)
        connection, wire = await two.connect()
        async with two.follower.hold_delivery("user_ada", run.head.thread_id):
            one.write(run)
            await one.log.durable(run)
            await turns(30)
            assert wire.said == []
            connection.push(b'{"type":"accepted"}')
        one.write(run)
        await until(lambda: len(wire.said) == 3)
        assert [frame.get("type", frame.get("seq")) for frame in wire.said] == ["accepted", 2, 3]

    async def test_a_catch_up_waits_for_the_answer_where_it_needs_what_came_meanwhile(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        run = one.run(one.thread())
        one.write(run)
        await one.log.durable(run)
        connection, wire = await two.connect()
        async with two.follower.hold_delivery("user_ada", run.head.thread_id):
            async with two.follower.hold_delivery("user_ada", run.head.thread_id):
                one.write(run)
                await one.log.durable(run)
                connection.received(resuming(**{run.head.thread_id: (run.head.epoch, 2)}))
                await turns(30)
            assert wire.said == []
        await until(lambda: wire.said)
        assert [frame["type"] for frame in wire.said] == ["live"]

    async def test_who_holds_a_thread_needs_no_answer(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        run = one.run(one.thread())
        one.write(run)
        await one.log.durable(run)
        assert one.follower.holds(run.head.thread_id)
        assert not two.follower.holds(run.head.thread_id)
        await two.log.find(run.head.thread_id)
        assert not two.follower.holds(run.head.thread_id)


class TestThisProcess:
    async def test_events_of_before_it_held_the_thread_come_first(self, fleet: Any) -> None:
        one, two = fleet(), fleet()
        _, there = await two.connect()
        run = one.run(one.thread())
        fleet.hub.up = False
        one.write(run)
        await one.log.durable(run)
        await one.log.release([run.head])
        again = await two.hold(run)
        two.write(again, ends=True)
        await until(lambda: len(seqs(there.said)) == 2)
        assert seqs(there.said) == [1, 2]
