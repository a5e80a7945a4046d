"""What event logs over one store promise to each other: one holder a thread, and nothing of who is not the holder is stored."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from netra_backend.app.adapters.postgres.event_log import PostgresEventLog
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.history import AppendRejection, HeldElsewhere, RunRecord
from test_framework.clock import START_MS, ManualClock
from test_framework.ids import new_id
from test_framework.log_story import LogStory, positions
from test_framework.memory.ownership import LEASE_MS
from test_framework.memory.shared_log import SharedMemoryLog
from test_framework.memory.store import MemoryStore
from test_framework.service_clients import Prepared, own_netra_database

DAY_MS = 24 * 3600 * 1000


class Process(LogStory):
    """A log among others, and the observer of its runs; ``why`` are their rejections, in order."""

    def __init__(self, process_id: str) -> None:
        super().__init__()
        self.process_id = process_id
        self.why: list[tuple[str, str]] = []
        self.begun_runs: list[str] = []

    def run(self, *given: Any, **named: Any) -> RunRecord:
        return super().run(*given, **named, observer=self)

    def committed(self, run: RunRecord) -> None:
        self.begun_runs.append(run.run_id)

    def rejected(self, run: RunRecord, why: AppendRejection) -> None:
        self.why.append((run.run_id, why))

    async def begun(self, owner: str = "user_ada", thread_id: str = "", **named: Any) -> RunRecord:
        """A run with one event, committed, which goes on."""
        head = self.log.create(owner, thread_id or new_id("thr"), "epoch", "A title", START_MS)
        run = self.run(head, **named)
        self.write(run)
        await self.log.durable(run)
        return run

    async def taken(self, thread_id: str) -> Any:
        """The thread's head, held here."""
        head = await self.log.find(thread_id)
        assert head is not None
        await self.log.acquire(head)
        return head


class Sharing:
    """``open`` gives one more log over the store; ``lapse`` lets the lease of one run out, without its knowing, and with
    ``wake`` it renews it."""

    def __init__(
        self,
        opened: Callable[[Process], Awaitable[Any]],
        lapse: Callable[[Process], Awaitable[None]],
        wake: Callable[[Process], Awaitable[None]],
    ) -> None:
        self._opened = opened
        self._all: list[Process] = []
        self.lapse = lapse
        self.wake = wake

    async def open(self) -> Process:
        process = Process(new_id("prc"))
        process.tell(await self._opened(process))
        self._all.append(process)
        return process

    async def close(self) -> None:
        for process in self._all:
            await process.log.close()


@asynccontextmanager
async def over_memory(clock: ManualClock) -> AsyncIterator[Sharing]:
    store, logs = MemoryStore(), dict[str, SharedMemoryLog]()

    async def opened(process: Process) -> SharedMemoryLog:
        loop = asyncio.get_running_loop()
        logs[process.process_id] = SharedMemoryLog(
            store, process.process_id, clock, loop, process.publish, process.failed
        )
        return logs[process.process_id]

    async def lapse(process: Process) -> None:
        clock.advance(ms=LEASE_MS)
        for process_id, log in logs.items():
            if process_id != process.process_id:
                log.renew()

    async def wake(process: Process) -> None:
        logs[process.process_id].renew()

    sharing = Sharing(opened, lapse, wake)
    yield sharing
    await sharing.close()


@asynccontextmanager
async def over_postgres(place: Prepared) -> AsyncIterator[Sharing]:
    import asyncpg

    async with own_netra_database(place) as database:
        clock = ManualClock()

        async def opened(process: Process) -> PostgresEventLog:
            return await PostgresEventLog.open(database.url, process.process_id, clock, process.publish, process.failed)

        async def lapse(process: Process) -> None:
            admin = await asyncpg.connect(database.admin_url)
            try:
                await admin.execute("UPDATE process SET lease = 0 WHERE process_id = $1", process.process_id)
            finally:
                await admin.close()

        async def wake(process: Process) -> None:
            assert isinstance(process.log, PostgresEventLog)
            await process.log.lease.renew()

        sharing = Sharing(opened, lapse, wake)
        try:
            yield sharing
        finally:
            await sharing.close()


@pytest.fixture(params=["memory", "postgres"])
def opening(request: pytest.FixtureRequest, clock: ManualClock) -> AbstractAsyncContextManager[Sharing]:
    """One adapter; what it needs of the kit is started only for it."""
    if request.param == "postgres":
        return over_postgres(request.getfixturevalue("prepared_postgres"))
    return over_memory(clock)


@pytest.fixture
async def sharing(opening: AbstractAsyncContextManager[Sharing]) -> AsyncIterator[Sharing]:
    async with opening as made:
        yield made


class TestHolding:
    async def test_a_thread_with_an_unfinished_run_is_held_by_one(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        run = await one.begun()
        assert run.head.fence == 1
        head = await two.log.find(run.head.thread_id)
        assert head is not None
        assert (head.owner, head.top, head.fence) == ("user_ada", 1, 0)
        with pytest.raises(HeldElsewhere) as elsewhere:
            await two.log.acquire(head)
        assert elsewhere.value.process_id == one.process_id
        with pytest.raises(DependencyUnavailable):
            two.write(two.run(head))
        assert head.top == 1

    async def test_a_thread_whose_runs_have_ended_is_anybodys_and_goes_on_where_it_ended(
        self, sharing: Sharing
    ) -> None:
        one, two = await sharing.open(), await sharing.open()
        run = await one.begun()
        one.write(run, ends=True)
        await one.log.durable(run)
        head = await two.taken(run.head.thread_id)
        assert (head.top, head.durable, head.fence) == (2, 2, 2)
        again = two.run(head)
        two.write(again)
        await two.log.durable(again)
        assert positions(await two.read(head)) == [1, 2, 3]
        found = await one.log.find(run.head.thread_id)
        assert found is not None
        assert (found.top, found.fence) == (3, 0)
        with pytest.raises(HeldElsewhere):
            await one.log.acquire(found)

    async def test_the_end_of_one_run_of_two_lets_go_of_nothing(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        first = await one.begun()
        one.write(one.run(first.head))
        one.write(first, ends=True)
        await one.log.durable(first)
        head = await two.log.find(first.head.thread_id)
        assert head is not None
        with pytest.raises(HeldElsewhere):
            await two.log.acquire(head)

    async def test_who_holds_it_may_ask_again_and_is_told_nothing(self, sharing: Sharing) -> None:
        one = await sharing.open()
        run = await one.begun()
        assert await one.log.acquire(run.head) == []
        assert run.head.fence == 1

    async def test_many_who_take_hold_at_once_in_one_process_get_one_fence(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        run = await one.ended()
        head = await two.log.find(run.head.thread_id)
        assert head is not None
        await asyncio.gather(*(two.log.acquire(head) for _ in range(4)))
        assert head.fence == 2

    async def test_of_many_processes_that_take_hold_at_once_one_gets_it(self, sharing: Sharing) -> None:
        processes = [await sharing.open() for _ in range(3)]
        run = await processes[0].ended()
        heads = [await each.log.find(run.head.thread_id) for each in processes]
        results = await asyncio.gather(
            *(each.log.acquire(head) for each, head in zip(processes, heads, strict=True) if head is not None),
            return_exceptions=True,
        )
        winners = [n for n, result in enumerate(results) if result == []]
        assert len(winners) == 1
        holder = processes[winners[0]].process_id
        assert {each.process_id for each in results if isinstance(each, HeldElsewhere)} == {holder}

    async def test_a_deleted_thread_is_nobodys_also_for_who_knew_it(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        run = await one.ended()
        head = await two.log.find(run.head.thread_id)
        assert head is not None
        await one.log.delete_thread(run.head)
        assert await two.log.acquire(head) == []
        assert (head.owner, head.fence) == ("", 0)
        with pytest.raises(DependencyUnavailable):
            two.write(two.run(head))

    async def test_a_new_thread_of_an_id_that_another_process_took_is_refused(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        theirs = two.run(two.log.create("user_bob", "thr_1", "e2", "", START_MS), key="k")
        await one.begun("user_ada", "thr_1")
        two.write(theirs)
        two.write(theirs)
        with pytest.raises(DependencyUnavailable):
            await two.log.durable(theirs)
        assert (two.why, theirs.ended, two.published) == ([(theirs.run_id, "thread_taken")], True, [])
        found = await two.log.find("thr_1")
        assert found is not None
        assert (found.owner, found.top) == ("user_ada", 1)
        assert await two.log.request("user_bob", "k", 0) is None
        assert await two.log.run(theirs.run_id) is None


class TestFences:
    async def test_what_a_former_holder_appends_is_refused_and_told_once(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        run = await one.begun()
        other = one.run(run.head)
        one.write(other)
        await one.log.durable(other)
        await sharing.lapse(one)
        (left, later) = await two.log.take_over(9)
        assert [left.run_id, later.run_id] == [run.run_id, other.run_id]
        one.write(run, "of a zombie")
        one.write(other, "of a zombie")
        with pytest.raises(DependencyUnavailable):
            await one.log.durable(other)
        assert sorted(one.why) == sorted([(run.run_id, "fenced"), (other.run_id, "fenced")])
        assert (run.ended, other.ended, run.head.fence) == (True, True, 0)
        with pytest.raises(DependencyUnavailable):
            one.write(one.run(run.head))
        head = await two.log.find(run.head.thread_id)
        assert head is not None
        assert positions(await two.read(head)) == [1, 2]
        assert [told.first for told in one.published] == [1, 2]

    async def test_who_renews_a_lease_that_had_run_out_learns_what_others_took_meanwhile(
        self, sharing: Sharing
    ) -> None:
        one, two = await sharing.open(), await sharing.open()
        run, kept = await one.begun(), await one.begun()
        for each in (run, kept):
            each.head.pin(each)
        await sharing.lapse(one)
        await two.taken(run.head.thread_id)
        await sharing.wake(one)
        assert one.why == [(run.run_id, "fenced")]
        assert (run.head.fence, run.ended, kept.head.fence, kept.ended) == (0, True, 1, False)
        one.write(kept)
        await one.log.durable(kept)

    async def test_a_thread_that_was_taken_meanwhile_is_let_go_of_also_where_nothing_runs_in_it_here(
        self, sharing: Sharing
    ) -> None:
        one, two = await sharing.open(), await sharing.open()
        thread_id = (await one.ended()).head.thread_id
        head = await one.taken(thread_id)
        assert head.fence
        await sharing.lapse(one)
        theirs = two.run(await two.taken(thread_id))
        two.write(theirs)
        await two.log.durable(theirs)
        await sharing.wake(one)
        assert (head.fence, one.log.known(thread_id), one.why) == (0, None, [])
        found = await one.log.find(thread_id)
        assert found is not None
        with pytest.raises(HeldElsewhere):
            await one.log.acquire(found)

    async def test_what_others_append_in_the_same_commit_is_stored(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        run, healthy = await one.begun(), await one.begun("user_bob")
        await sharing.lapse(one)
        await two.taken(run.head.thread_id)
        one.write(run, "of a zombie")
        one.write(healthy, "of a holder that nobody relieved")
        await one.log.durable(healthy)
        assert one.why == [(run.run_id, "fenced")]
        assert positions(await one.read(healthy.head)) == [1, 2]

    async def test_a_holder_that_nobody_relieved_goes_on(self, sharing: Sharing) -> None:
        one = await sharing.open()
        run = await one.begun()
        await sharing.lapse(one)
        one.write(run, ends=True)
        await one.log.durable(run)
        assert (one.why, positions(await one.read(run.head))) == ([], [1, 2])

    async def test_one_key_of_one_user_in_two_processes_begins_one_run(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        first = await one.begun("user_ada", key="k")
        bobs = await two.begun("user_bob", key="k")
        second = two.run(two.thread("user_ada"), key="k", created_ms=START_MS + DAY_MS - 1)
        two.write(second)
        two.write(second)
        with pytest.raises(DependencyUnavailable):
            await two.log.durable(second)
        assert two.why == [(second.run_id, "key_taken")]
        for process in (one, two):
            found = await process.log.request("user_ada", "k", 0)
            assert found is not None
            assert found.run_id == first.run_id
        assert (await two.log.request("user_bob", "k", 0)).run_id == bobs.run_id

    async def test_a_key_counts_for_a_day(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        await one.begun("user_ada", key="k")
        later = await two.begun("user_ada", key="k", created_ms=START_MS + DAY_MS + 1)
        assert two.why == []
        assert (await one.log.request("user_ada", "k", 0)).run_id == later.run_id

    async def test_a_thread_in_which_a_key_was_refused_can_be_taken_over_by_the_same_process(
        self, sharing: Sharing
    ) -> None:
        one, two = await sharing.open(), await sharing.open()
        await one.begun("user_ada", key="k")
        going = await two.begun("user_ada")
        refused = two.run(going.head, key="k")
        two.write(refused)
        with pytest.raises(DependencyUnavailable):
            await two.log.durable(refused)
        assert two.why == [(refused.run_id, "key_taken")]
        assert [left.run_id for left in await two.log.take_over(9)] == [going.run_id]
        head = await two.log.find(going.head.thread_id)
        assert head is not None
        assert (head.top, head.fence > 1) == (1, True)


class TestTakingOver:
    async def test_only_what_has_no_living_holder_is_taken_over(self, sharing: Sharing) -> None:
        one, two, three = [await sharing.open() for _ in range(3)]
        left, held = await one.begun(), await three.begun("user_bob")
        await one.ended()
        assert await two.log.take_over(9) == []
        await sharing.lapse(one)
        (taken,) = await two.log.take_over(9)
        assert (taken.run_id, taken.owner, taken.seq, taken.ended_seq) == (left.run_id, "user_ada", 1, 0)
        head = two.log.known(left.head.thread_id)
        assert head is not None
        assert (head.owner, head.top, head.fence) == ("user_ada", 1, 2)
        assert await two.log.take_over(9) == []
        assert await three.log.take_over(9) == []
        assert held.head.fence == 1

    async def test_threads_are_taken_over_whole_up_to_the_limit(self, sharing: Sharing, rng: random.Random) -> None:
        one, two = await sharing.open(), await sharing.open()
        runs: dict[str, list[str]] = {}
        for _ in range(4):
            first = await one.begun()
            later = [one.run(first.head) for _ in range(rng.randrange(3))]
            for run in later:
                one.write(run)
                await one.log.durable(run)
            runs[first.head.thread_id] = [run.run_id for run in (first, *later)]
        await sharing.lapse(one)
        seen: dict[str, list[str]] = {}
        for limit in (0, 3, 3, 3):
            taken = await two.log.take_over(limit)
            assert len({run.thread_id for run in taken}) <= limit
            for left in taken:
                seen.setdefault(left.thread_id, []).append(left.run_id)
        assert seen == runs

    async def test_of_many_who_look_at_once_each_thread_is_taken_over_by_one(self, sharing: Sharing) -> None:
        one, *others = [await sharing.open() for _ in range(4)]
        runs = {(await one.begun()).run_id for _ in range(6)}
        await sharing.lapse(one)
        taken = await asyncio.gather(*(each.log.take_over(9) for each in others))
        found = [run.run_id for each in taken for run in each]
        assert len(found) == len(set(found))
        for _ in range(2):
            for each in others:
                found += [run.run_id for run in await each.log.take_over(9)]
        assert set(found) == runs
        assert len(found) == 6

    async def test_who_takes_hold_of_a_thread_learns_which_runs_were_left_in_it(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        first = await one.begun()
        second = one.run(first.head)
        one.write(second)
        await one.log.durable(second)
        await sharing.lapse(one)
        head = await two.log.find(first.head.thread_id)
        assert head is not None
        assert [left.run_id for left in await two.log.acquire(head)] == [first.run_id, second.run_id]
        assert await two.log.acquire(head) == []

    async def test_what_a_process_held_once_and_takes_over_again_has_another_head(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        run = await one.begun()
        await sharing.lapse(one)
        (left,) = await two.log.take_over(9)
        head = two.log.known(left.thread_id)
        assert head is not None
        theirs = two.run(head)
        two.write(theirs)
        await two.log.durable(theirs)
        await sharing.lapse(two)
        await sharing.wake(one)
        assert [each.run_id for each in await one.log.take_over(9)] == [run.run_id, theirs.run_id]
        again = one.log.known(left.thread_id)
        assert again is not None
        assert again is not run.head
        assert (again.top, again.fence) == (2, 3)
        with pytest.raises(DependencyUnavailable):
            one.write(run)

    async def test_what_is_released_can_be_taken_over_at_once(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        run, kept = await one.begun(), await one.begun()
        one.write(run, "just before")
        releasing = asyncio.create_task(one.log.release([run.head]))
        await asyncio.sleep(0)
        assert run.head.fence == 0
        with pytest.raises(DependencyUnavailable):
            one.write(run, "just after")
        await releasing
        (left,) = await two.log.take_over(9)
        head = two.log.known(left.thread_id)
        assert head is not None
        assert (left.run_id, head.top) == (run.run_id, 2)
        assert kept.head.fence == 1

    async def test_who_takes_hold_while_it_is_being_released_waits_for_that(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        run = await one.begun()
        releasing = asyncio.create_task(one.log.release([run.head]))
        await asyncio.sleep(0)
        left = await one.log.acquire(run.head)
        await releasing
        assert [each.run_id for each in left] == [run.run_id]
        assert run.head.fence > 1
        head = await two.log.find(run.head.thread_id)
        assert head is not None
        with pytest.raises(HeldElsewhere):
            await two.log.acquire(head)

    async def test_who_closes_lets_go_of_everything(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        run = await one.begun()
        one.write(run, "last words")
        await one.log.close()
        (left,) = await two.log.take_over(9)
        assert left.run_id == run.run_id
        head = two.log.known(left.thread_id)
        assert head is not None
        assert positions(await two.read(head)) == [1, 2]

    async def test_holders_are_those_of_the_owners_unfinished_runs_elsewhere(self, sharing: Sharing) -> None:
        one, two, three = [await sharing.open() for _ in range(3)]
        run = await one.begun()
        await one.begun("user_bob")
        await one.ended()
        mine = await two.begun()
        assert await two.log.holders("user_ada") == {run.run_id: one.process_id}
        assert await three.log.holders("user_ada") == {run.run_id: one.process_id, mine.run_id: two.process_id}
        await sharing.lapse(one)
        assert await three.log.holders("user_ada") == {mine.run_id: two.process_id}
        assert await three.log.holders("user_nobody") == {}


class TestReading:
    async def test_a_thread_that_another_process_writes_is_read_anew_each_time(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        run = await one.begun()
        head = await two.log.find(run.head.thread_id)
        assert head is not None
        for top in (2, 3):
            one.write(run)
            await one.log.durable(run)
            assert await two.log.find(run.head.thread_id) is head
            assert (head.top, head.durable) == (top, top)
            assert len(await two.read(head)) == top

    async def test_a_thread_that_is_stored_is_found_also_where_that_is_not_known_yet(self, sharing: Sharing) -> None:
        one = await sharing.open()
        run = await one.ended("user_ada")
        run.head.fence, run.head.durable = max(1, run.head.fence), 0  # the store's answer is on its way
        looking = asyncio.create_task(one.log.find(run.head.thread_id))
        await asyncio.wait([looking], timeout=0.2)
        assert not looking.done()
        run.head.durable = run.head.top
        one.log._wake(run.head)  # type: ignore[attr-defined]  # it is here
        head = await looking
        assert head is run.head

    async def test_what_moved_since_is_told_of_those_who_are_asked_for(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        assert await two.log.newest_ms() == 0
        await one.ended("user_eve")
        ada, bob = await one.ended("user_ada", "x"), await one.ended("user_bob")
        moved = await two.log.moved(["user_ada", "user_bob"], 0)
        assert [(each.owner, each.thread_id, each.epoch, each.top) for each in moved] == [
            ("user_ada", ada.head.thread_id, ada.head.epoch, 2),
            ("user_bob", bob.head.thread_id, bob.head.epoch, 1),
        ]
        last = moved[-1].updated_ms
        assert await two.log.newest_ms() == last
        assert await two.log.moved(["user_ada", "user_bob"], last + 1) == []
        assert [each.thread_id for each in await two.log.moved(["user_bob"], last)] == [bob.head.thread_id]
        assert await two.log.moved([], 0) == []

    async def test_a_thread_of_which_nothing_was_appended_can_be_forgotten(self, sharing: Sharing) -> None:
        one, other = await sharing.open(), await sharing.open()
        head = one.log.create("user_ada", new_id("thr"), "epoch", "A title", START_MS)
        one.log.forget(head.thread_id)
        assert one.log.known(head.thread_id) is None
        await other.begun("user_bob", head.thread_id)
        found = await one.log.find(head.thread_id)
        assert found is not None
        assert (found.owner, found.top, found.fence) == ("user_bob", 1, 0)

    async def test_who_was_first_is_found_before_another_beginning_of_the_thread_is_refused(
        self, sharing: Sharing
    ) -> None:
        one, other = await sharing.open(), await sharing.open()
        head = one.log.create("user_ada", new_id("thr"), "another epoch", "A title", START_MS)
        assert await one.log.find(head.thread_id) is head
        await other.begun("user_bob", head.thread_id)
        for _ in range(2):
            found = await one.log.find(head.thread_id)
            assert found is not None
            assert (found.owner, found.epoch, found.top, found.fence) == ("user_bob", "epoch", 1, 0)
            if one.log.known(head.thread_id) is head:
                doomed = one.run(head)
                one.write(doomed)
                with pytest.raises(DependencyUnavailable):
                    await one.log.durable(doomed)
        assert [why for _, why in one.why] == ["thread_taken"]

    async def test_a_holder_that_was_taken_for_dead_learns_that_its_thread_was_deleted(self, sharing: Sharing) -> None:
        one, other = await sharing.open(), await sharing.open()
        run = await one.begun()
        run.head.pin(run)
        await sharing.lapse(one)
        head = await other.log.find(run.head.thread_id)
        assert head is not None
        await other.log.delete_thread(head)
        await sharing.wake(one)
        assert (one.why, run.head.fence) == ([(run.run_id, "fenced")], 0)

    async def test_what_is_being_deleted_is_not_taken_over(self, sharing: Sharing) -> None:
        one, other = await sharing.open(), await sharing.open()
        run = await one.begun()
        await one.log.release([run.head])
        head = await other.log.find(run.head.thread_id)
        assert head is not None
        _, taken = await asyncio.gather(other.log.delete_thread(head), other.log.take_over(9))
        assert taken == []
        assert await other.log.take_over(9) == []
        again = await other.log.find(run.head.thread_id)
        assert again is not None
        assert again.owner == ""

    async def test_what_is_forgotten_is_read_again_and_what_is_held_is_kept(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        run = await one.begun()
        await two.log.find(run.head.thread_id)
        for process in (one, two):
            process.log.forget(run.head.thread_id)
            process.log.forget("thr_unknown")
        assert one.log.known(run.head.thread_id) is run.head
        assert two.log.known(run.head.thread_id) is None


class TestDeletion:
    async def test_what_another_process_holds_is_not_deleted(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        run = await one.begun()
        head = await two.log.find(run.head.thread_id)
        assert head is not None
        with pytest.raises(HeldElsewhere) as elsewhere:
            await two.log.delete_thread(head)
        assert elsewhere.value.process_id == one.process_id
        found = await two.log.find(run.head.thread_id)
        assert found is not None
        assert (found.owner, found.top) == ("user_ada", 1)
        one.write(run, ends=True)
        await one.log.durable(run)
        await two.log.delete_thread(found)
        gone = await one.log.find(run.head.thread_id)
        assert gone is not None
        assert gone.owner == ""

    async def test_a_user_is_deleted_when_nobody_holds_anything_of_it_any_more(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        held, idle = await one.begun(), await one.ended()
        with pytest.raises(HeldElsewhere):
            await two.log.delete_owner("user_ada")
        one.write(held, ends=True)
        await one.log.durable(held)
        await two.log.delete_owner("user_ada")
        for thread_id in (held.head.thread_id, idle.head.thread_id):
            found = await two.log.find(thread_id)
            assert found is not None
            assert found.owner == ""

    async def test_retention_leaves_what_is_held_elsewhere(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        run = await one.begun()
        await two.log.trim(START_MS + 10 * DAY_MS)
        one.write(run, ends=True)
        await one.log.durable(run)
        assert (one.why, positions(await one.read(run.head))) == ([], [1, 2])

    async def test_a_thread_is_renamed_by_who_does_not_hold_it(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        run = await one.begun()
        head = await two.log.find(run.head.thread_id)
        assert head is not None
        await two.log.rename(head, "Another")
        one.write(run)
        await one.log.durable(run)
        assert [thread.title for thread in await one.log.threads("user_ada", limit=9)] == ["Another"]
