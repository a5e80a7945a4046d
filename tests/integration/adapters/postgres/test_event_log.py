"""The event log in a real PostgreSQL: holders, fences, and what becomes of it when something dies. Its promises to one process:
``tests/contract``."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.connection import WRITER, connect
from netra_backend.app.adapters.postgres.event_log import PostgresEventLog
from netra_backend.app.adapters.postgres.migration import Login, migrate_postgres
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.history import AppendRejection, HeldElsewhere, RunObserver, RunRecord, ThreadHead
from test_framework import services
from test_framework.clock import START_MS, ManualClock
from test_framework.log_story import LogStory, positions
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

DAY_MS = 24 * 3600 * 1000


class Process(LogStory):
    """One process over the shared database; the observer of its runs; ``rejections`` are those that the store did not take."""

    def __init__(self) -> None:
        super().__init__()
        self.rejections: list[tuple[str, str]] = []

    @property
    def postgres(self) -> PostgresEventLog:
        assert isinstance(self.log, PostgresEventLog)
        return self.log

    def run(
        self,
        head: ThreadHead,
        *,
        key: str | None = None,
        created_ms: int = START_MS,
        observer: RunObserver | None = None,
    ) -> RunRecord:
        return super().run(head, key=key, created_ms=created_ms, observer=observer or self)

    def committed(self, run: RunRecord) -> None:
        """Nothing is kept of that."""

    def rejected(self, run: RunRecord, why: AppendRejection) -> None:
        self.rejections.append((run.run_id, why))

    def told(self, head: ThreadHead) -> list[int]:
        """The positions of the thread that were published here."""
        return [seq for each in self.published if each.thread_id == head.thread_id for seq in positions(each.frames)]


Open = Callable[..., Awaitable[Process]]


@asynccontextmanager
async def opening(url: str) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def opened(process_id: str, *, lease_ms: int = 30_000) -> Process:
            process = Process()
            process.tell(
                await PostgresEventLog.open(
                    url, process_id, ManualClock(), process.publish, process.failed, lease_ms=lease_ms
                )
            )
            stack.push_async_callback(process.log.close)
            return process

        yield opened


@pytest.fixture
async def opened(netra_database: NetraDatabase) -> AsyncIterator[Open]:
    async with opening(netra_database.url) as opened:
        yield opened


async def found(process: Process, thread_id: str) -> ThreadHead:
    head = await process.log.find(thread_id)
    assert head is not None
    return head


async def freeze(admin: asyncpg.Connection, process_id: str) -> None:
    """Let the lease of a process run out, as when it is stopped for half a minute."""
    await admin.execute("UPDATE process SET lease = 0 WHERE process_id = $1", process_id)


async def cut(admin: asyncpg.Connection) -> None:
    """Kill all connections of all processes."""
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        " AND datname = current_database() AND application_name = 'netra'"
    )


async def migrated(admin_url: str) -> str:
    """The address for servers of a database that is migrated in place."""
    await migrate_postgres(admin_url, lambda _: None, login=Login("netra_test_server", "for-this-test"))
    parts = urlsplit(admin_url)
    return parts._replace(netloc=f"netra_test_server:for-this-test@{parts.netloc.rpartition('@')[2]}").geturl()


class TestHolding:
    async def test_a_thread_is_held_while_a_run_goes_on_and_by_nobody_after_it(self, opened: Open) -> None:
        one, two = await opened("prc_one"), await opened("prc_two")
        run = one.run(one.thread())
        one.write(run)
        await one.log.durable(run)
        head = await found(two, run.head.thread_id)
        assert (head.owner, head.top, head.fence) == ("user_ada", 1, 0)
        with pytest.raises(HeldElsewhere) as held:
            await two.log.acquire(head)
        assert held.value.process_id == "prc_one"
        assert await two.log.holders("user_ada") == {run.run_id: "prc_one"}
        assert await one.log.holders("user_ada") == {}
        assert await two.log.take_over(9) == []
        one.write(run, ends=True)
        await one.log.durable(run)
        assert run.head.fence == 0
        assert await two.log.acquire(head) == []
        assert (head.top, head.fence) == (2, 2)
        again = two.run(head)
        two.write(again, ends=True)
        await two.log.durable(again)
        assert positions(await one.read(await found(one, head.thread_id))) == [1, 2, 3]

    async def test_a_thread_with_two_runs_is_held_until_both_have_ended(self, opened: Open) -> None:
        one = await opened("prc_one")
        head = one.thread()
        runs = [one.run(head) for _ in range(2)]
        for run in runs:
            one.write(run)
        one.write(runs[0], ends=True)
        await one.log.durable(runs[0])
        assert head.fence == 1
        one.write(runs[1], ends=True)
        await one.log.durable(runs[1])
        assert head.fence == 0

    async def test_a_run_that_begins_while_another_is_being_ended_keeps_the_thread(self, opened: Open) -> None:
        one = await opened("prc_one")
        head = one.thread()
        first, second = one.run(head), one.run(head)
        one.write(first, ends=True)
        one.write(second)
        await one.log.durable(second)
        assert head.fence == 1
        one.write(second, ends=True)
        await one.log.durable(second)
        assert (head.fence, positions(await one.read(head))) == (0, [1, 2, 3])

    async def test_nothing_is_appended_to_a_thread_that_is_not_held(self, opened: Open) -> None:
        one = await opened("prc_one")
        run = await one.ended()
        with pytest.raises(DependencyUnavailable):
            one.write(one.run(run.head))
        assert run.head.top == 1

    async def test_many_requests_for_one_thread_at_once_take_hold_of_it_once(self, opened: Open) -> None:
        one = await opened("prc_one")
        head = (await one.ended()).head
        await asyncio.gather(*(one.log.acquire(head) for _ in range(20)))
        assert head.fence == 2

    async def test_of_two_processes_that_take_hold_at_once_one_gets_it(self, opened: Open) -> None:
        one, two = await opened("prc_one"), await opened("prc_two")
        for _ in range(10):
            mine = (await one.ended()).head
            theirs = await found(two, mine.thread_id)
            outcomes = await asyncio.gather(one.log.acquire(mine), two.log.acquire(theirs), return_exceptions=True)
            assert [type(outcome) for outcome in outcomes if outcome != []] == [HeldElsewhere]
            assert sorted((mine.fence, theirs.fence)) == [0, 2]

    async def test_who_takes_hold_learns_which_runs_were_left(self, opened: Open) -> None:
        one, two = await opened("prc_one"), await opened("prc_two")
        head = one.thread()
        runs = [one.run(head) for _ in range(2)]
        for run in runs:
            one.write(run)
        await one.log.release([head])
        assert head.fence == 0
        left = await two.log.acquire(theirs := await found(two, head.thread_id))
        assert [run.run_id for run in left] == [run.run_id for run in runs]
        assert (theirs.top, theirs.fence) == (2, 2)

    async def test_a_thread_that_is_let_go_of_with_its_run_is_taken_over(self, opened: Open) -> None:
        one, two = await opened("prc_one"), await opened("prc_two")
        run = one.run(one.thread())
        one.write(run)
        letting_go = asyncio.create_task(one.log.release([run.head]))
        await asyncio.sleep(0)
        with pytest.raises(DependencyUnavailable):
            one.write(run)
        await letting_go
        (taken,) = await two.log.take_over(9)
        assert taken.run_id == run.run_id
        assert await one.log.take_over(9) == []

    async def test_a_process_that_closes_leaves_its_runs_to_others(self, opened: Open) -> None:
        one, two = await opened("prc_one"), await opened("prc_two")
        run = one.run(one.thread())
        one.write(run)
        await one.log.close()
        assert [taken.run_id for taken in await two.log.take_over(9)] == [run.run_id]
        head = two.log.known(run.head.thread_id)
        assert head is not None
        assert (head.top, head.fence) == (1, 2)

    async def test_no_more_threads_are_taken_over_than_there_is_room_for(self, opened: Open) -> None:
        one, two = await opened("prc_one"), await opened("prc_two")
        runs = [one.run(one.thread()) for _ in range(5)]
        for run in runs:
            one.write(run)
        await one.log.close()
        first, second = await two.log.take_over(2), await two.log.take_over(9)
        assert (len(first), len(second)) == (2, 3)
        assert {taken.run_id for taken in first + second} == {run.run_id for run in runs}

    async def test_what_is_known_of_a_thread_that_others_hold_is_read_again(self, opened: Open) -> None:
        one, two = await opened("prc_one"), await opened("prc_two")
        run = one.run(one.thread())
        one.write(run)
        await one.log.durable(run)
        seen = await found(two, run.head.thread_id)
        one.write(run)
        await one.log.durable(run)
        assert seen.top == 1
        assert await two.log.find(run.head.thread_id) is seen
        assert (seen.top, seen.durable) == (2, 2)
        two.log.forget(run.head.thread_id)
        assert two.log.known(run.head.thread_id) is None

    async def test_threads_that_moved_are_told_to_those_who_ask_for_their_owners(
        self, opened: Open, admin: asyncpg.Connection
    ) -> None:
        one, two = await opened("prc_one"), await opened("prc_two")
        before = await admin.fetchval("SELECT now_ms()")
        run, _ = await one.ended("user_ada", "x"), await one.ended("user_bob")
        (moved,) = await two.log.moved(["user_ada", "user_cyd"], before)
        assert (moved.owner, moved.thread_id, moved.epoch, moved.top) == (
            "user_ada",
            run.head.thread_id,
            "epoch-user_ada",
            2,
        )
        assert moved.updated_ms >= before
        assert await two.log.moved(["user_ada"], moved.updated_ms + 1) == []
        assert await two.log.moved([], before) == []


class TestRefusals:
    async def test_a_frozen_process_keeps_what_nobody_took(self, opened: Open, admin: asyncpg.Connection) -> None:
        one = await opened("prc_one")
        run = one.run(one.thread())
        one.write(run)
        await one.log.durable(run)
        await freeze(admin, "prc_one")
        one.write(run)
        await one.log.durable(run)
        await one.postgres.lease.renew()
        one.write(run, ends=True)
        await one.log.durable(run)
        assert (one.rejections, one.told(run.head)) == ([], [1, 2, 3])

    async def test_a_zombie_is_refused_and_its_successor_is_not_disturbed(
        self, opened: Open, admin: asyncpg.Connection
    ) -> None:
        one, two = await opened("prc_one"), await opened("prc_two")
        zombie = one.run(one.thread())
        one.write(zombie)
        await one.log.durable(zombie)
        await freeze(admin, "prc_one")
        (taken,) = await two.log.take_over(9)
        head = two.log.known(taken.thread_id)
        assert head is not None
        successor = two.run(head)
        successor.run_id, successor.stored = taken.run_id, True
        two.write(successor)
        await two.log.durable(successor)
        one.write(zombie)
        other = await one.ended("user_bob")
        assert one.rejections == [(zombie.run_id, "fenced")]
        assert (zombie.ended, zombie.head.fence, one.log.known(zombie.head.thread_id)) == (True, 0, None)
        with pytest.raises(DependencyUnavailable):
            await one.log.durable(zombie)
        with pytest.raises(DependencyUnavailable):
            one.write(zombie)
        assert one.told(other.head) == [1]
        two.write(successor, ends=True)
        await two.log.durable(successor)
        assert positions(await one.read(await found(one, taken.thread_id))) == [1, 2, 3]

    async def test_a_zombie_that_says_nothing_learns_it_with_its_next_lease(
        self, opened: Open, admin: asyncpg.Connection
    ) -> None:
        one, two = await opened("prc_one"), await opened("prc_two")
        lost, kept = one.run(one.thread()), one.run(one.thread("user_bob"))
        for run in (lost, kept):
            one.write(run)
            run.head.pin(run)
            await one.log.durable(run)
        await one.log.release([])
        await freeze(admin, "prc_one")
        assert await two.log.acquire(await found(two, lost.head.thread_id)) != []
        await one.postgres.lease.renew()
        assert one.rejections == [(lost.run_id, "fenced")]
        one.write(kept, ends=True)
        await one.log.durable(kept)
        assert one.told(kept.head) == [1, 2]

    async def test_a_key_that_began_a_run_elsewhere_begins_no_second_one(self, opened: Open) -> None:
        one, two = await opened("prc_one"), await opened("prc_two")
        first = await one.ended(key="k1")
        second, other = two.run(two.thread(), key="k1"), two.run(two.thread("user_bob"), key="k1")
        for run in (second, other):
            two.write(run, ends=True)
        await two.log.durable(other)
        assert two.rejections == [(second.run_id, "key_taken")]
        assert await one.log.run(second.run_id) is None
        assert await one.log.find(second.head.thread_id) is None
        stored = await two.log.request("user_ada", "k1", START_MS)
        assert stored is not None
        assert stored.run_id == first.run_id

    async def test_of_two_runs_with_one_key_that_are_sent_together_the_first_is_stored(self, opened: Open) -> None:
        one = await opened("prc_one")
        runs = [one.run(one.thread(), key="k1") for _ in range(2)]
        for run in runs:
            one.write(run, ends=True)
        await one.log.durable(runs[0])
        with pytest.raises(DependencyUnavailable):
            await one.log.durable(runs[1])
        assert one.rejections == [(runs[1].run_id, "key_taken")]

    async def test_what_comes_before_a_taken_key_in_its_thread_is_stored_and_what_comes_after_is_left(
        self, opened: Open
    ) -> None:
        one, two = await opened("prc_one"), await opened("prc_two")
        await one.ended(key="k1")
        head = two.thread()
        going, second = two.run(head), two.run(head, key="k1")
        two.write(going)
        two.write(second)
        two.write(going)
        with pytest.raises(DependencyUnavailable):
            await two.log.durable(going)
        assert two.told(head) == [1]
        assert two.rejections == [(second.run_id, "key_taken"), (going.run_id, "fenced")]
        (left,) = await two.log.take_over(9)
        assert left.run_id == going.run_id
        assert positions(await two.read(await found(two, head.thread_id))) == [1]

    async def test_a_thread_id_that_another_took_in_the_same_moment_is_refused(self, opened: Open) -> None:
        one, two = await opened("prc_one"), await opened("prc_two")
        mine = one.log.create("user_ada", "shared_thread_123", "e1", "", START_MS)
        theirs = two.log.create("user_bob", "shared_thread_123", "e2", "", START_MS)
        await one.log.durable(first := one.run(mine))
        one.write(first, ends=True)
        await one.log.durable(first)
        second, other = two.run(theirs, key="k1"), two.run(two.thread("user_bob"))
        two.write(second)
        two.write(other, ends=True)
        await two.log.durable(other)
        assert two.rejections == [(second.run_id, "thread_taken")]
        assert (await found(two, "shared_thread_123")).owner == "user_ada"
        assert await two.log.request("user_bob", "k1", 0) is None

    async def test_a_thread_that_another_holds_is_not_deleted_and_is_as_it_was(self, opened: Open) -> None:
        one, two = await opened("prc_one"), await opened("prc_two")
        run, mine = one.run(one.thread()), await two.ended()
        one.write(run)
        await one.log.durable(run)
        head = await found(two, run.head.thread_id)
        for deleting in (two.log.delete_thread(head), two.log.delete_owner("user_ada")):
            with pytest.raises(HeldElsewhere) as held:
                await deleting
            assert held.value.process_id == "prc_one"
        assert (head.owner, head.epoch, head.title) == ("user_ada", "epoch-user_ada", "A title")
        assert mine.head.owner == "user_ada"
        assert await two.log.trim(START_MS + DAY_MS) == 1  # the one that nobody holds
        one.write(run, ends=True)
        await one.log.durable(run)
        await two.log.delete_thread(head)
        assert (await found(one, run.head.thread_id)).owner == ""
        with pytest.raises(DependencyUnavailable):
            one.write(one.run(run.head))

    async def test_a_thread_that_was_deleted_elsewhere_is_nobodys_to_who_takes_hold(self, opened: Open) -> None:
        one, two = await opened("prc_one"), await opened("prc_two")
        run = await one.ended()
        await two.log.delete_thread(await found(two, run.head.thread_id))
        assert await one.log.acquire(run.head) == []
        assert run.head.owner == ""

    async def test_the_writer_itself_cannot_put_an_event_into_another_users_thread(
        self, opened: Open, netra_database: NetraDatabase
    ) -> None:
        one = await opened("prc_one")
        run = await one.ended("user_ada")
        writer = await connect(netra_database.url, WRITER)
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await writer.execute(
                    "INSERT INTO log (thread_id, seq, n, owner, run_id, fence, payload)"
                    " VALUES ($1, 2, 1, 'user_bob', 'run_x', 1, '{}')",
                    run.head.thread_id,
                )
        finally:
            await writer.close()


class TestFaults:
    async def test_events_are_stored_once_and_in_order_though_every_connection_is_cut_again_and_again(
        self, opened: Open, admin: asyncpg.Connection, rng: random.Random
    ) -> None:
        one = await opened("prc_one")
        runs = [one.run(one.thread(f"user_{n}")) for n in range(20)]
        writing = True

        async def write() -> None:
            while writing:
                for run in rng.sample(runs, 5):
                    one.write(run)
                await one.log.durable(runs[0])

        writer = asyncio.create_task(write())
        for _ in range(30):
            await cut(admin)
            for _ in range(rng.randrange(4)):
                await admin.fetchval("SELECT 1")
        writing = False
        await writer
        for run in runs:
            one.write(run, ends=True)
        for run in runs:
            await one.log.durable(run)
        for run in runs:
            wanted = list(range(1, run.head.top + 1))
            assert one.told(run.head) == wanted
            assert positions(await one.read(run.head)) == wanted
        assert (one.rejections, one.failures) == ([], [])

    async def test_a_batch_whose_answer_was_lost_is_looked_for_and_not_stored_twice(self, opened: Open) -> None:
        one = await opened("prc_one")
        warm = await one.ended()
        writer = one.postgres._writer
        append = writer._append

        class AnswerLost:
            async def fetchval(self, *arguments: object) -> None:
                writer._append = append
                await append.fetchval(*arguments)
                raise ConnectionResetError("after the commit")

        writer._append = AnswerLost()
        run = one.run(one.thread(), key="k1")
        one.write(run)
        one.write(run, ends=True)
        await one.log.durable(run)
        assert one.told(run.head) == [1, 2]
        assert positions(await one.read(run.head)) == [1, 2]
        assert (one.rejections, one.failures, warm.head.fence) == ([], [], 0)

    async def test_a_batch_that_was_refused_after_its_first_sending_got_through_counts_as_stored(
        self, opened: Open
    ) -> None:
        one = await opened("prc_one")
        await one.ended()
        writer = one.postgres._writer
        append, sent = writer._append, list[tuple[object, ...]]()

        class FirstStillUnderWay:
            async def fetchval(self, *arguments: object) -> None:
                if not sent:
                    sent.append(arguments)
                    raise ConnectionResetError("before the commit, as it seems")
                await append.fetchval(*sent[0])  # the first sending is committed now
                await append.fetchval(*arguments)

        lost, writer._lose = writer._lose, lambda trouble: None  # type: ignore[method-assign]  # the connection lives on
        writer._append = FirstStillUnderWay()
        run = one.run(one.thread())
        one.write(run, ends=True)
        await one.log.durable(run)
        writer._append, writer._lose = append, lost  # type: ignore[method-assign]
        assert (one.rejections, one.told(run.head)) == ([], [1])

    async def test_what_waits_for_a_lost_database_is_bounded_and_new_requests_are_refused(
        self, opened: Open, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, netra_database: NetraDatabase
    ) -> None:
        one = await opened("prc_one")
        monkeypatch.setattr(one.log, "_most_unstored", 200_000)
        run = one.run(one.thread())
        one.write(run)
        await one.log.durable(run)
        run.seq = 1
        name = netra_database.url.rpartition("/")[2]
        server = await asyncpg.connect(netra_database.admin_url.rpartition("/")[0] + "/postgres")
        try:
            await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            await cut(admin)
            written, refusal = 1, None
            while refusal is None and written < 1000:
                try:
                    one.write(run, "x" * 10_000)
                except DependencyUnavailable as refused:
                    refusal = refused
                else:
                    written += 1
                    await asyncio.sleep(0)
            assert refusal is not None
            assert refusal.retry_after_ms is not None
            while not one.postgres.lost:
                await server.fetchval("SELECT 1")
            with pytest.raises(DependencyUnavailable):
                one.write(one.run(one.thread("user_bob")))
            with pytest.raises(DependencyUnavailable):
                await one.log.find("thr_unknown")
            with pytest.raises(DependencyUnavailable):
                await one.log.rename(run.head, "t")
            assert one.told(run.head) == [1]
        finally:
            await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            await server.close()
        await one.log.durable(run)
        assert one.told(run.head) == list(range(1, written + 1))
        one.write(run, ends=True)
        await one.log.durable(run)
        assert not one.postgres.lost
        assert await one.log.find("thr_unknown") is None

    async def test_nothing_is_lost_when_the_server_is_killed_under_load_and_started_again(
        self, rng: random.Random
    ) -> None:
        """A PostgreSQL of its own: it is crashed."""
        async with AsyncExitStack() as stack:
            service = stack.enter_context(services.own_postgres())
            opened = await stack.enter_async_context(opening(await migrated(service.url)))
            processes = [await opened(name) for name in ("prc_one", "prc_two")]
            runs = [(each, each.run(each.thread(f"user_{n}"))) for n in range(10) for each in processes]
            for _ in range(3):
                for _ in range(50):
                    for process, run in rng.sample(runs, 4):
                        process.write(run)
                    await asyncio.sleep(0)
                await asyncio.get_running_loop().run_in_executor(None, service.restart)
                for process, run in runs:
                    await process.log.durable(run)
            for process, run in runs:
                process.write(run, ends=True)
                await process.log.durable(run)
                wanted = list(range(1, run.head.top + 1))
                assert process.told(run.head) == wanted
                assert positions(await process.read(run.head)) == wanted
            assert [(each.rejections, each.failures) for each in processes] == [([], []), ([], [])]

    async def test_what_the_database_will_never_take_ends_the_log(
        self, opened: Open, admin: asyncpg.Connection
    ) -> None:
        one = await opened("prc_one")
        await admin.execute("REVOKE INSERT ON log FROM netra_writer")
        run = one.run(one.thread())
        one.write(run)
        with pytest.raises(DependencyUnavailable):
            await one.log.durable(run)
        assert [type(failure) for failure in one.failures] == [asyncpg.InsufficientPrivilegeError]
        assert one.log.failed

    async def test_texts_that_postgres_cannot_hold_are_stored_without_what_it_cannot(self, opened: Open) -> None:
        one = await opened("prc_one")
        run = one.run(one.thread(title="a\x00b"), key="k\x00")
        one.write(run, ends=True)
        await one.log.durable(run)
        await one.log.rename(run.head, "c\x00d")
        (listed,) = await one.log.threads("user_ada", limit=1, search="\x00")
        assert listed.title == "c\ufffdd"
        assert (await one.log.request("user_ada", "k\x00", 0)) is not None
        for nobodys in ("thr_\x00", "thr_\ud800"):
            assert await one.log.find(nobodys) is None
            assert await one.log.run(nobodys) is None
            assert await one.log.request("user_ada", nobodys, 0) is None
        assert one.failures == []
