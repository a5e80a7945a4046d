"""What every store of files promises (``file_ports.FileStore``): one suite over all adapters."""

from __future__ import annotations

import asyncio

import pytest

from netra_backend.app.adapters.postgres.event_log import PostgresEventLog
from netra_backend.app.adapters.sqlite.event_log import SqliteEventLog
from netra_backend.app.core.files import PART_BYTES, RESERVED_MS, StoredFile
from netra_backend.app.file_ports import FileStore
from test_framework.clock import START_MS, ManualClock
from test_framework.ids import new_id
from test_framework.memory.event_log import MemoryEventLog
from tests.contract.conftest import StoryOverAnAdapter

MOST = 1 << 40


class Shelf:
    """The files beside the log of a story."""

    def __init__(self, story: StoryOverAnAdapter, clock: ManualClock) -> None:
        self.story = story
        self.clock = clock

    @property
    def store(self) -> FileStore:
        log = self.story.log
        assert isinstance(log, SqliteEventLog | PostgresEventLog | MemoryEventLog)
        return log.files

    async def begun(self, owner: str = "user_ada", most: int = MOST) -> str:
        file = StoredFile(new_id("file"), owner, "text/plain", "", 0, self.clock.now_ms())
        assert await self.store.begin(file, most)
        return file.file_id

    async def put(self, owner: str = "user_ada", *parts: bytes) -> str:
        """A finished file."""
        file_id = await self.begun(owner)
        for part in parts or (b"some text",):
            assert await self.store.add(owner, file_id, part)
        assert await self.store.finish(owner, file_id, "5" * 64, sum(map(len, parts)) or 9, MOST)
        return file_id

    async def content(self, owner: str, file_id: str) -> list[bytes]:
        return [part async for part in self.store.parts(owner, file_id)]

    async def ids(self, owner: str = "user_ada") -> list[str]:
        return [file.file_id for file in await self.store.page(owner)]


@pytest.fixture
def shelf(story: StoryOverAnAdapter, clock: ManualClock) -> Shelf:
    return Shelf(story, clock)


class TestStoring:
    async def test_a_finished_file_is_found_whole_and_after_a_restart(self, shelf: Shelf) -> None:
        parts = [bytes([number]) * PART_BYTES for number in range(3)] + [b"\x00\xff"]
        file_id = await shelf.put("user_ada", *parts)
        for _ in range(2):
            assert await shelf.content("user_ada", file_id) == parts
            found = await shelf.store.find("user_ada", file_id)
            size = 3 * PART_BYTES + 2
            assert found == StoredFile(file_id, "user_ada", "text/plain", "5" * 64, size, START_MS)
            await shelf.story.reopen()

    async def test_nobody_finds_a_file_before_it_is_finished_and_it_takes_nothing_after(self, shelf: Shelf) -> None:
        file_id = await shelf.begun()
        await shelf.store.add("user_ada", file_id, b"half")
        assert await shelf.store.find("user_ada", file_id) is None
        assert await shelf.ids() == []
        assert await shelf.store.reserve("user_ada", [file_id], "thr_1", "run_1") == "absent"
        assert await shelf.store.finish("user_ada", file_id, "", 4, MOST)
        assert not await shelf.store.add("user_ada", file_id, b"more")
        assert not await shelf.store.finish("user_ada", file_id, "", 4, MOST)
        assert await shelf.content("user_ada", file_id) == [b"half"]

    async def test_files_are_listed_in_order_and_in_pages(self, shelf: Shelf) -> None:
        made = [await shelf.put() for _ in range(103)]
        await shelf.put("user_bob")
        listed, after = list[str](), ""
        while page := await shelf.store.page("user_ada", after):
            assert len(page) <= 100
            listed += [file.file_id for file in page]
            after = listed[-1]
        assert listed == sorted(made)

    async def test_the_number_of_files_is_bounded_also_of_those_that_begin_at_once(self, shelf: Shelf) -> None:
        files = [StoredFile(new_id("file"), "user_ada", "text/plain", "", 0, START_MS) for _ in range(6)]
        begun = await asyncio.gather(*(shelf.store.begin(file, 4) for file in files))
        assert sorted(begun) == [False, False, True, True, True, True]
        assert await shelf.store.begin(StoredFile(new_id("file"), "user_bob", "text/plain", "", 0, START_MS), 4)

    async def test_the_bytes_of_all_files_are_bounded_also_of_those_that_finish_at_once(self, shelf: Shelf) -> None:
        begun = [await shelf.begun() for _ in range(4)]
        finished = await asyncio.gather(*(shelf.store.finish("user_ada", each, "", 40, 100) for each in begun))
        assert sorted(finished) == [False, False, True, True]
        assert len(await shelf.ids()) == 2


class TestOwners:
    async def test_a_file_is_its_owners_and_nobody_elses(self, shelf: Shelf) -> None:
        store, mine = shelf.store, await shelf.put("user_ada")
        half = await shelf.begun("user_ada")
        for owner in ("user_bob", ""):
            assert await store.find(owner, mine) is None
            assert await store.page(owner) == []
            assert await shelf.content(owner, mine) == []
            assert not await store.add(owner, half, b"x")
            assert not await store.finish(owner, half, "", 0, MOST)
            assert await store.reserve(owner, [mine], "thr_1", "run_1") == "absent"
            assert await store.remove(owner, mine) == "absent"
            await store.release(owner, "run_1")
        assert await shelf.content("user_ada", mine) == [b"some text"]
        assert await shelf.content("user_ada", half) == []

    async def test_what_cannot_be_an_id_is_nobodys(self, shelf: Shelf) -> None:
        for file_id in ("", "\x00", "ä", "x" * 1000):
            assert await shelf.store.find("user_ada", file_id) is None
            assert await shelf.store.remove("user_ada", file_id) == "absent"
            assert await shelf.store.reserve("user_ada", [file_id], "thr_1", "run_1") == "absent"
            assert await shelf.store.page("user_bob", file_id) == []


class TestClaiming:
    async def test_a_file_is_claimed_from_the_commit_of_the_message_on(self, shelf: Shelf) -> None:
        story, file_id, other = shelf.story, await shelf.put(), await shelf.put()
        run = story.run(story.thread())
        thread_id = run.head.thread_id
        assert await shelf.store.reserve("user_ada", [file_id, other], thread_id, run.run_id) == "reserved"
        reserved = await shelf.store.find("user_ada", file_id)
        assert reserved is not None
        assert reserved.thread_id == ""
        story.write(run)
        await story.log.durable(run)
        assert [file.thread_id for file in await shelf.store.page("user_ada")] == [thread_id, thread_id]
        shelf.clock.advance(ms=RESERVED_MS + 1)
        await shelf.store.release("user_ada", run.run_id)  # it exists, so this says nothing
        assert await shelf.store.reserve("user_ada", [file_id], thread_id, "run_2") == "claimed"
        assert await shelf.store.remove("user_ada", file_id) == "claimed"
        assert await shelf.store.expire(1 << 60) == 0
        assert await shelf.content("user_ada", file_id) == [b"some text"]

    async def test_files_are_reserved_all_or_none_and_for_one_run(self, shelf: Shelf) -> None:
        one, two = await shelf.put(), await shelf.put()
        reserve = shelf.store.reserve
        assert await reserve("user_ada", [one, "file_none"], "thr_1", "run_1") == "absent"
        assert await reserve("user_ada", [two], "thr_1", "run_1") == "reserved"
        assert await reserve("user_ada", [one, two], "thr_2", "run_2") == "claimed"
        assert await reserve("user_ada", [one], "thr_2", "run_2") == "reserved"
        assert await reserve("user_ada", [two, two], "thr_1", "run_1") == "reserved"  # the same run may ask again
        assert await reserve("user_ada", [], "thr_1", "run_1") == "reserved"
        assert await shelf.store.remove("user_ada", one) == "claimed"

    async def test_of_runs_that_reserve_one_file_at_once_one_gets_it(self, shelf: Shelf) -> None:
        file_id = await shelf.put()
        outcomes = await asyncio.gather(
            *(shelf.store.reserve("user_ada", [file_id], "thr_1", f"run_{number}") for number in range(5))
        )
        assert sorted(outcomes) == ["claimed"] * 4 + ["reserved"]

    async def test_a_reservation_ends_by_release_and_by_time(self, shelf: Shelf) -> None:
        file_id = await shelf.put()
        reserve = shelf.store.reserve
        await reserve("user_ada", [file_id], "thr_1", "run_1")
        await shelf.store.release("user_ada", "run_1")
        assert await reserve("user_ada", [file_id], "thr_2", "run_2") == "reserved"
        shelf.clock.advance(ms=RESERVED_MS)
        assert await reserve("user_ada", [file_id], "thr_3", "run_3") == "claimed"
        shelf.clock.advance(ms=1)
        assert await reserve("user_ada", [file_id], "thr_3", "run_3") == "reserved"
        shelf.clock.advance(ms=RESERVED_MS + 1)
        assert await shelf.store.remove("user_ada", file_id) == "removed"


class TestDeleting:
    async def test_a_removed_file_is_gone_with_its_parts_finished_or_not(self, shelf: Shelf) -> None:
        for file_id in (await shelf.put(), await shelf.begun()):
            assert await shelf.store.remove("user_ada", file_id) == "removed"
            assert await shelf.store.remove("user_ada", file_id) == "absent"
            assert await shelf.content("user_ada", file_id) == []
            assert not await shelf.store.add("user_ada", file_id, b"x")

    async def test_claimed_files_go_with_their_thread_and_others_stay(self, shelf: Shelf) -> None:
        story, claimed, free = shelf.story, await shelf.put(), await shelf.put()
        run = story.run(story.thread())
        await shelf.store.reserve("user_ada", [claimed], run.head.thread_id, run.run_id)
        story.write(run, ends=True)
        await story.log.durable(run)
        await story.log.delete_thread(run.head)
        assert await shelf.ids() == [free]
        assert await shelf.content("user_ada", claimed) == []

    async def test_a_reservation_in_anothers_thread_gives_that_thread_nothing_to_delete(self, shelf: Shelf) -> None:
        bobs = await shelf.story.ended("user_bob")
        file_id = await shelf.put("user_ada")
        await shelf.store.reserve("user_ada", [file_id], bobs.head.thread_id, "run_1")
        await shelf.story.log.delete_thread(bobs.head)
        assert await shelf.ids("user_ada") == [file_id]

    async def test_all_files_go_with_their_owner_and_claimed_ones_with_retention(self, shelf: Shelf) -> None:
        story = shelf.story
        run = await story.ended("user_ada")
        await shelf.put("user_ada")
        half, bobs = await shelf.begun("user_ada"), await shelf.put("user_bob")
        await story.log.delete_owner("user_ada")
        assert await shelf.ids("user_ada") == []
        assert not await shelf.store.add("user_ada", half, b"x")
        assert await shelf.ids("user_bob") == [bobs]
        run = story.run(story.thread("user_bob"))
        await shelf.store.reserve("user_bob", [bobs], run.head.thread_id, run.run_id)
        story.write(run, ends=True)
        await story.log.durable(run)
        await story.log.trim(1 << 60)
        assert await shelf.ids("user_bob") == []

    async def test_what_nobody_claims_expires_whoevers_and_finished_or_not(self, shelf: Shelf) -> None:
        old = [await shelf.put("user_ada"), await shelf.begun("user_ada"), await shelf.put("user_bob")]
        kept = await shelf.put("user_ada")
        shelf.clock.advance(ms=1000)
        await shelf.store.reserve("user_ada", [kept], "thr_1", "run_1")
        young = await shelf.put("user_ada")
        assert await shelf.store.expire(START_MS + 1) == len(old)
        assert sorted(await shelf.ids("user_ada")) == sorted([kept, young])
        assert await shelf.ids("user_bob") == []
        assert await shelf.store.expire(START_MS + 1) == 0
