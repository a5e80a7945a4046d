"""What every event log promises (``ports.EventLog``): one suite over all adapters."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from netra_backend.app.adapters.event_log.appending import REQUESTS_AT_ONCE
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.history import MAX_CHUNK_BYTES, RunPlace
from test_framework.clock import START_MS, ManualClock
from test_framework.log_story import positions
from tests.contract.conftest import StoryOverAnAdapter

PAGE_EVENTS, PAGE_BYTES = 300, 1_048_576


class TestAppending:
    async def test_an_event_is_told_only_when_it_is_committed_and_each_once(self, story: StoryOverAnAdapter) -> None:
        run = story.run(story.thread())
        frames = [story.write(run, "one"), story.write(run, "two", ends=True)]
        assert story.published == []
        await story.log.durable(run)
        assert [frame for told in story.published for frame in told.frames] == frames
        assert all(told.durable >= told.first + len(told.frames) - 1 for told in story.published)
        assert await story.read(run.head) == frames

    async def test_positions_have_no_holes_when_runs_of_one_thread_take_turns(
        self, story: StoryOverAnAdapter, rng: random.Random
    ) -> None:
        head = story.thread()
        runs = [story.run(head) for _ in range(3)]
        for _ in range(200):
            story.write(rng.choice(runs), "x" * rng.randrange(50))
            if rng.random() < 0.1:
                await asyncio.sleep(0)
        for run in runs:
            await story.log.durable(run)
        assert positions(await story.read(head)) == list(range(1, 201))
        told = [seq for each in story.published for seq in positions(each.frames)]
        assert told == list(range(1, 201))
        for each in story.published:  # a chunk is of one run
            assert {json.loads(frame)["run"] for frame in each.frames} == {each.run_id}
            assert positions(each.frames)[0] == each.first

    async def test_threads_count_each_for_itself(self, story: StoryOverAnAdapter) -> None:
        one, two = await story.ended("user_ada", "a", "b"), await story.ended("user_bob", "c")
        assert (one.head.top, two.head.top) == (3, 2)
        assert positions(await story.read(two.head)) == [1, 2]

    async def test_the_last_event_marks_its_run_as_ended_at_its_position(self, story: StoryOverAnAdapter) -> None:
        run = story.run(story.thread())
        story.write(run)
        assert not run.ended
        story.write(run, ends=True)
        assert run.ended
        await story.log.durable(run)
        stored = await story.log.run(run.run_id)
        assert (stored.seq, stored.ended_seq) == (1, 2)

    async def test_a_commit_is_reported_in_order_before_anything_is_published(self, story: StoryOverAnAdapter) -> None:
        told: list[tuple[str, int, int]] = []

        def note(name: str, head: Any) -> None:
            told.append((name, head.durable, len(story.published)))

        class Observer:
            def committed(self, run: Any) -> None:
                note("accepted", run.head)

            def rejected(self, run: Any, why: str) -> None:
                raise AssertionError(why)

        run = story.run(story.thread(), observer=Observer())
        other = story.run(run.head)
        story.write(run, on_commit=lambda: note("first", run.head))
        story.write(run)
        story.write(other, on_commit=lambda: note("other's", run.head))
        story.write(run, ends=True, on_commit=lambda: note("last", run.head))
        assert told == []
        await story.log.durable(run)
        assert told == [(name, 4, 0) for name in ("accepted", "first", "other's", "last")]
        assert [each.first for each in story.published] == [1, 3, 4]

    async def test_durable_returns_at_once_where_nothing_waits(self, story: StoryOverAnAdapter) -> None:
        run = await story.ended()
        before = len(story.published)
        await story.log.durable(run)
        assert len(story.published) == before

    async def test_durable_waits_for_all_that_was_appended_to_the_thread(self, story: StoryOverAnAdapter) -> None:
        head = story.thread()
        one, two = story.run(head), story.run(head)
        story.write(one)
        story.write(two)
        waits = asyncio.create_task(story.log.durable(one))
        await waits
        assert head.durable == head.top == 2

    async def test_what_is_appended_without_a_pause_is_cut_into_bounded_chunks(self, story: StoryOverAnAdapter) -> None:
        run = story.run(story.thread())
        for _ in range(700):
            story.write(run)
        for _ in range(5):
            story.write(run, "y" * 200_000)
        await story.log.durable(run)
        assert max(len(told.frames) for told in story.published) <= 256
        assert max(sum(map(len, told.frames)) for told in story.published) <= MAX_CHUNK_BYTES + 200_100
        assert positions(await story.read(run.head)) == list(range(1, 706))

    async def test_a_closed_log_has_committed_what_waited_and_takes_nothing_more(
        self, story: StoryOverAnAdapter
    ) -> None:
        run = story.run(story.thread())
        frame = story.write(run)
        log = story.log
        await story.reopen()
        with pytest.raises(DependencyUnavailable):
            log.append(run, b"{}")
        assert [told.frames for told in story.published] == [(frame,)]
        assert await story.read(await story.head(run)) == [frame]


class TestReading:
    async def test_any_stretch_of_a_history_is_given_in_order_and_nothing_else(
        self, story: StoryOverAnAdapter, rng: random.Random
    ) -> None:
        head = story.thread()
        runs = [story.run(head) for _ in range(2)]
        for _ in range(120):
            story.write(rng.choice(runs))
            if rng.random() < 0.3:
                await story.log.durable(runs[0])
        await story.log.durable(runs[0])
        await story.log.durable(runs[1])
        for _ in range(50):
            after = rng.randrange(121)
            upto = rng.randrange(121)
            assert positions(await story.read(head, after, upto)) == list(range(after + 1, upto + 1))

    async def test_a_page_has_at_most_300_events(self, story: StoryOverAnAdapter) -> None:
        run = story.run(story.thread())
        for _ in range(1000):
            story.write(run)
        await story.log.durable(run)
        pages = [page async for page in story.log.pages(run.head, 0, 1000)]
        assert max(map(len, pages)) <= PAGE_EVENTS
        assert positions([frame for page in pages for frame in page]) == list(range(1, 1001))

    async def test_a_page_has_at_most_a_mebibyte_also_of_huge_events(self, story: StoryOverAnAdapter) -> None:
        run = story.run(story.thread())
        for _ in range(9):
            story.write(run, "z" * 500_000)
        await story.log.durable(run)
        pages = [page async for page in story.log.pages(run.head, 0, 9)]
        assert all(0 < sum(map(len, page)) <= PAGE_BYTES for page in pages)
        assert positions([frame for page in pages for frame in page]) == list(range(1, 10))

    async def test_the_frames_of_a_run_are_its_own_also_where_another_ran_in_between(
        self, story: StoryOverAnAdapter
    ) -> None:
        head = story.thread()
        one, two = story.run(head), story.run(head)
        mine = [story.write(one, "a")]
        story.write(two, "b")
        mine.append(story.write(one, "c"))
        await story.log.durable(one)
        assert await story.log.run_frames(await story.stored(one)) == mine
        mine.append(story.write(one, "d", ends=True))
        story.write(two, "e")
        await story.log.durable(one)
        assert await story.log.run_frames(await story.stored(one)) == mine

    async def test_of_a_run_the_frames_that_hold_something_are_found_page_by_page(
        self, story: StoryOverAnAdapter
    ) -> None:
        head = story.thread()
        one, two = story.run(head), story.run(head)
        wanted = []
        for number in range(700):
            word = "needle" if number in (3, 350, 699) else "hay"
            frame = story.write(one, f"{word} {number}")
            wanted += [frame] * (word == "needle")
            story.write(two, "needle")
        await story.log.durable(one)
        await story.log.durable(two)
        stored = await story.stored(one)
        found = [page async for page in story.log.run_pages(stored, b"needle")]
        assert [frame for page in found for frame in page] == wanted
        pages = [page async for page in story.log.run_pages(stored)]
        assert max(map(len, pages)) <= PAGE_EVENTS
        assert [frame for page in pages for frame in page] == await story.log.run_frames(stored)
        assert [page async for page in story.log.run_pages(stored, b"straw")] == []

    async def test_a_run_is_found_by_its_id_with_everything_that_was_said_of_it(
        self, story: StoryOverAnAdapter
    ) -> None:
        run = await story.ended("user_ada", "hello")
        stored = await story.log.run(run.run_id)
        assert (stored.run_id, stored.owner, stored.thread_id, stored.agent, stored.request_id, stored.timezone) == (
            run.run_id,
            "user_ada",
            run.head.thread_id,
            "golden",
            run.request_id,
            "UTC",
        )
        assert stored.created_ms == START_MS
        assert await story.log.run("run_unknown") is None

    async def test_unfinished_runs_of_one_thread_come_in_their_order(
        self, story: StoryOverAnAdapter, rng: random.Random
    ) -> None:
        head = story.thread()
        runs = [story.run(head, created_ms=START_MS - n) for n in range(6)]  # a clock that goes back changes nothing
        for run in runs:
            story.write(run)
        story.write(runs[2], ends=True)
        other = story.run(story.thread("user_bob"))
        story.write(other)
        await story.ended()
        await story.log.durable(other)
        await story.reopen()
        found = [stored.run_id for stored in await story.log.take_over(9)]
        assert [run_id for run_id in found if run_id != other.run_id] == [
            run.run_id for run in runs if run is not runs[2]
        ]
        assert other.run_id in found

    async def test_an_idempotency_key_counts_for_its_owner_and_since_a_time(self, story: StoryOverAnAdapter) -> None:
        run = await story.ended("user_ada", key="k1")
        found = await story.log.request("user_ada", "k1", START_MS)
        assert found.run_id == run.run_id
        assert await story.log.request("user_bob", "k1", START_MS) is None
        assert await story.log.request("user_ada", "k2", START_MS) is None
        assert await story.log.request("user_ada", "k1", START_MS + 1) is None

    async def test_a_key_that_is_used_again_a_day_later_leads_to_the_later_run(self, story: StoryOverAnAdapter) -> None:
        await story.ended("user_ada", key="k1")
        later = story.run(story.thread(), key="k1", created_ms=START_MS + 24 * 3600 * 1000 + 1)
        story.write(later)
        await story.log.durable(later)
        assert (await story.log.request("user_ada", "k1", START_MS)).run_id == later.run_id

    async def test_keys_that_are_older_are_let_go_of_and_no_other_owners_nor_their_runs(
        self, story: StoryOverAnAdapter
    ) -> None:
        old = await story.ended("user_ada", key="k1")
        minute_ms = 60_000
        young = await story.begun_at(START_MS + minute_ms, "user_ada", "k2")
        others = await story.begun_at(START_MS + minute_ms, "user_bob", "k1")
        assert await story.log.expire_requests(START_MS) == (0, None)  # one of that very moment is not older
        assert (await story.log.request("user_ada", "k1", 0)).run_id == old.run_id
        assert await story.log.expire_requests(START_MS + minute_ms) == (1, None)
        assert await story.log.request("user_ada", "k1", 0) is None
        assert (await story.log.request("user_ada", "k2", 0)).run_id == young.run_id
        assert (await story.log.request("user_bob", "k1", 0)).run_id == others.run_id
        assert (await story.log.run(old.run_id)).ended_seq == 1
        await story.reopen()
        assert await story.log.request("user_ada", "k1", 0) is None
        assert (await story.log.request("user_ada", "k2", 0)).run_id == young.run_id

    async def test_a_key_answers_to_its_last_minute_and_begins_another_run_when_it_was_let_go_of(
        self, story: StoryOverAnAdapter
    ) -> None:
        day_ms, minute_ms = 24 * 3600 * 1000, 60_000
        first = await story.ended("user_ada", key="k1")
        for passed_ms in (day_ms - minute_ms, day_ms):
            since_ms = START_MS + passed_ms - day_ms
            assert await story.log.expire_requests(since_ms) == (0, None)
            assert (await story.log.request("user_ada", "k1", since_ms)).run_id == first.run_id
        now_ms = START_MS + day_ms + 1
        assert await story.log.request("user_ada", "k1", now_ms - day_ms) is None
        assert await story.log.expire_requests(now_ms - day_ms) == (1, None)
        second = await story.begun_at(now_ms, "user_ada", "k1")
        assert (await story.log.request("user_ada", "k1", now_ms - day_ms)).run_id == second.run_id
        assert await story.log.expire_requests(now_ms - day_ms) == (0, None)
        assert (await story.log.request("user_ada", "k1", now_ms - day_ms)).run_id == second.run_id

    async def test_a_key_that_begins_another_run_while_old_ones_go_is_not_lost(self, story: StoryOverAnAdapter) -> None:
        day_ms = 24 * 3600 * 1000
        await story.ended("user_ada", key="k1")
        now_ms = START_MS + day_ms + 1
        going = asyncio.create_task(story.log.expire_requests(now_ms - day_ms))
        again = await story.begun_at(now_ms, "user_ada", "k1")
        await going
        assert (await story.log.request("user_ada", "k1", now_ms - day_ms)).run_id == again.run_id

    async def test_a_bounded_number_of_keys_is_looked_at_in_one_step_and_none_is_missed(
        self, story: StoryOverAnAdapter
    ) -> None:
        for number in range(2 * REQUESTS_AT_ONCE + 50):
            run = story.run(story.thread(f"user_{number % 3}"), key=f"k{number}", created_ms=START_MS + number % 2)
            story.write(run, ends=True)
        await story.log.durable(run)
        after: tuple[str, str] | None = ("", "")
        old, steps = 0, list[int]()
        while after is not None:
            went, after = await story.log.expire_requests(START_MS + 1, after)
            old += went
            steps.append(went)
        assert (old, len(steps), max(steps) <= REQUESTS_AT_ONCE) == (REQUESTS_AT_ONCE + 25, 3, True)
        kept = [await story.log.request(f"user_{number % 3}", f"k{number}", 0) for number in range(20)]
        assert [found is not None for found in kept] == [bool(number % 2) for number in range(20)]


class TestThreads:
    async def test_a_head_is_one_object_however_often_it_is_asked_for(self, story: StoryOverAnAdapter) -> None:
        run = await story.ended()
        await story.reopen()
        assert story.log.known(run.head.thread_id) is None
        one, two = await asyncio.gather(*(story.log.find(run.head.thread_id) for _ in range(2)))
        assert one is two is story.log.known(run.head.thread_id)
        assert (one.owner, one.epoch, one.top, one.durable, one.oldest, one.title) == (
            "user_ada",
            "epoch-user_ada",
            1,
            1,
            1,
            "A title",
        )
        assert await story.log.find("thr_unknown") is None

    async def test_a_thread_that_is_made_while_it_is_looked_for_is_found(self, story: StoryOverAnAdapter) -> None:
        head = story.thread()
        thread_id = head.thread_id + "_later"
        looking = asyncio.create_task(story.log.find(thread_id))
        await asyncio.sleep(0)
        made = story.log.create("user_ada", thread_id, "e", "", START_MS)
        assert await looking is made

    async def test_a_thread_cannot_be_made_twice(self, story: StoryOverAnAdapter) -> None:
        head = story.thread()
        with pytest.raises(ValueError, match="known"):
            story.log.create("user_bob", head.thread_id, "e", "", START_MS)
        assert story.log.known(head.thread_id) is head

    async def test_a_history_goes_on_where_the_process_before_ended(self, story: StoryOverAnAdapter) -> None:
        run = await story.ended("user_ada", "before")
        await story.reopen()
        head = await story.head(run)
        await story.log.acquire(head)
        again = story.run(head)
        story.write(again, "after")
        await story.log.durable(again)
        assert positions(await story.read(head)) == [1, 2, 3]

    async def test_threads_are_listed_to_their_owner_newest_first(
        self, story: StoryOverAnAdapter, clock: ManualClock
    ) -> None:
        runs = []
        for _ in range(4):
            clock.advance(s=1)
            runs.append(await story.ended("user_ada"))
        await story.ended("user_bob")
        clock.advance(s=1)
        await story.log.acquire(runs[1].head)
        story.write(again := story.run(runs[1].head))
        await story.log.durable(again)
        listed = await story.log.threads("user_ada", limit=10)
        wanted = [runs[n].head.thread_id for n in (1, 3, 2, 0)]
        assert [thread.thread_id for thread in listed] == wanted
        assert (listed[0].top, listed[0].oldest, listed[0].epoch) == (2, 1, "epoch-user_ada")
        assert [thread.thread_id for thread in await story.log.threads("user_ada", limit=2)] == wanted[:2]
        older = await story.log.threads("user_ada", limit=10, before_ms=listed[1].updated_ms)
        assert [thread.thread_id for thread in older] == wanted[2:]

    async def test_pages_of_threads_that_were_written_in_one_moment_miss_none(self, story: StoryOverAnAdapter) -> None:
        wanted = {(await story.ended("user_ada")).head.thread_id for _ in range(5)}
        seen: list[str] = []
        before_ms, before_id = None, ""
        while page := await story.log.threads("user_ada", limit=2, before_ms=before_ms, before_id=before_id):
            seen += [thread.thread_id for thread in page]
            before_ms, before_id = page[-1].updated_ms, page[-1].thread_id
        assert len(seen) == 5
        assert set(seen) == wanted

    async def test_threads_are_searched_by_title_whatever_the_case(self, story: StoryOverAnAdapter) -> None:
        run = story.run(story.thread(title="Why did MONDAY cost 100% more?"))
        story.write(run)
        await story.ended()
        await story.log.durable(run)
        for search in ("monday", "100%", "MORE"):
            assert [found.thread_id for found in await story.log.threads("user_ada", limit=9, search=search)] == [
                run.head.thread_id
            ]
        assert await story.log.threads("user_ada", limit=9, search="m_nday") == []

    async def test_a_thread_is_renamed_for_good(self, story: StoryOverAnAdapter) -> None:
        run = await story.ended()
        await story.log.rename(run.head, "Another")
        assert run.head.title == "Another"
        await story.reopen()
        assert [thread.title for thread in await story.log.threads("user_ada", limit=9)] == ["Another"]

    async def test_a_thread_that_is_renamed_before_its_first_commit_has_the_new_title(
        self, story: StoryOverAnAdapter
    ) -> None:
        run = story.run(story.thread())
        story.write(run)
        await story.log.rename(run.head, "Another")
        assert [thread.title for thread in await story.log.threads("user_ada", limit=9)] == ["Another"]


class TestRuns:
    async def listed(self, story: Any, limit: int = 99, **how: Any) -> list[str]:
        return [each.run.run_id for each in await story.log.runs("user_ada", limit=limit, **how)]

    async def test_runs_are_listed_thread_by_thread_the_newest_first(self, story: Any, clock: ManualClock) -> None:
        one, two = story.thread(), story.thread()
        older, newer, other = story.run(one), story.run(one), story.run(two)
        for run in (older, other, newer):
            await story.log.acquire(run.head)
            story.write(run)
            story.write(run, ends=True)
            await story.log.durable(run)
            clock.advance(s=1)
        await story.ended("user_bob")
        assert await self.listed(story) == [newer.run_id, older.run_id, other.run_id]
        assert await self.listed(story, 2) == [newer.run_id, older.run_id]
        assert await self.listed(story, thread_id=two.thread_id) == [other.run_id]
        assert await story.log.runs("user_eve", limit=9) == []
        place = RunPlace((await story.log.runs("user_ada", limit=1))[0].updated_ms, one.thread_id, newer.seq)
        assert await self.listed(story, after=place) == [older.run_id, other.run_id]
        assert await self.listed(story, after=place, thread_id=two.thread_id) == [other.run_id]
        assert await self.listed(story, after=RunPlace(place.updated_ms, "", 0)) == [other.run_id]
        assert await story.log.runs("user_bob", limit=9, thread_id=one.thread_id) == []

    async def test_a_listed_run_has_its_newest_event_and_says_whether_it_has_ended(self, story: Any) -> None:
        head = story.thread()
        first, waiting = story.run(head), story.run(head)
        story.write(first, "a")
        queued = story.write(waiting, "b")
        last = story.write(first, "c", ends=True)
        await story.log.durable(first)
        await story.log.durable(waiting)
        newest, oldest = await story.log.runs("user_ada", limit=9)
        assert (newest.run.run_id, newest.run.seq, newest.run.ended_seq, newest.last) == (waiting.run_id, 2, 0, queued)
        assert (oldest.run.run_id, oldest.run.seq, oldest.run.ended_seq, oldest.last) == (first.run_id, 1, 3, last)

    async def test_runs_that_took_turns_are_listed_by_where_they_begin(self, story: Any, rng: random.Random) -> None:
        head = story.thread()
        runs = [story.run(head) for _ in range(5)]
        for run in runs:
            story.write(run)
            await story.log.durable(run)
        for run in rng.choices(runs, k=20):
            story.write(run)
            await story.log.durable(run)
        assert await self.listed(story) == [run.run_id for run in reversed(runs)]
        assert await self.listed(story, 1) == [runs[-1].run_id]

    async def test_pages_of_runs_miss_none_and_repeat_none(self, story: Any) -> None:
        wanted: list[str] = []
        for count in (3, 1, 4):
            head = story.thread()
            for _ in range(count):
                story.write(run := story.run(head), ends=True)
                await story.log.durable(run)
                await story.log.acquire(head)
                wanted.append(run.run_id)
        for limit in (1, 2, 3, 8):
            seen: list[str] = []
            after = None
            while page := await story.log.runs("user_ada", limit=limit, after=after):
                assert len(page) <= limit
                seen += [each.run.run_id for each in page]
                last = page[-1]
                after = RunPlace(last.updated_ms, last.run.thread_id, last.run.seq)
            assert sorted(seen) == sorted(wanted), limit

    async def test_a_thread_that_is_written_between_two_pages_goes_on_where_its_page_ended(
        self, story: Any, clock: ManualClock
    ) -> None:
        head = story.thread()
        for _ in range(3):
            story.write(run := story.run(head), ends=True)
            await story.log.durable(run)
            await story.log.acquire(head)
        first, second = (await story.log.runs("user_ada", limit=9))[:2]
        clock.advance(s=1)
        story.write(later := story.run(head), ends=True)
        await story.log.durable(later)
        after = RunPlace(first.updated_ms, head.thread_id, first.run.seq)
        assert (await self.listed(story, after=after))[0] == second.run.run_id
        assert later.run_id not in await self.listed(story, after=after)

    async def test_the_runs_of_a_deleted_thread_are_not_listed(self, story: Any) -> None:
        gone, kept = await story.ended(), await story.ended()
        await story.log.delete_thread(gone.head)
        assert await self.listed(story) == [kept.run_id]
        assert await self.listed(story, thread_id=gone.head.thread_id) == []


class TestDeletion:
    async def gone(self, story: StoryOverAnAdapter, run: Any) -> None:
        """Nothing of the run's thread can be read, and its id is nobody's for ever."""
        assert await story.log.run(run.run_id) is None
        assert await story.log.request("user_ada", run.key or "", 0) is None
        assert run.head.thread_id not in [each.thread_id for each in await story.log.threads("user_ada", limit=99)]
        assert run.run_id not in [each.run_id for each in await story.log.take_over(9)]
        head = await story.head(run)
        assert (head.owner, head.title) == ("", "")
        assert await story.read(head, 0, 10) == []
        with pytest.raises(ValueError, match="known"):
            story.log.create("user_bob", run.head.thread_id, "e", "", START_MS)
        with pytest.raises(DependencyUnavailable):
            story.log.append(run, b"{}")

    async def test_a_deleted_thread_is_gone_and_its_id_is_never_given_out_again(
        self, story: StoryOverAnAdapter
    ) -> None:
        run, other = await story.ended("user_ada", "secret", key="k1"), await story.ended("user_ada", "kept", key="k2")
        await story.log.delete_thread(run.head)
        await self.gone(story, run)
        await story.reopen()
        await self.gone(story, run)
        assert (await story.log.request("user_ada", "k2", 0)).run_id == other.run_id
        assert len(await story.read(await story.head(other))) == 2

    async def test_what_was_appended_a_moment_before_the_deletion_is_deleted_too(
        self, story: StoryOverAnAdapter
    ) -> None:
        run = story.run(story.thread(), key="k1")
        story.write(run)
        await story.log.delete_thread(run.head)
        await self.gone(story, run)
        await story.reopen()
        await self.gone(story, run)

    async def test_nothing_is_appended_to_a_thread_from_the_call_on(self, story: StoryOverAnAdapter) -> None:
        run = await story.ended("user_ada", key="k1")
        deletion = asyncio.create_task(story.log.delete_thread(run.head))
        await asyncio.sleep(0)
        with pytest.raises(DependencyUnavailable):
            story.log.append(story.run(run.head), b"{}")
        assert (await story.log.find(run.head.thread_id)).owner == ""
        await deletion
        await self.gone(story, run)

    async def test_everything_of_an_owner_is_deleted_and_nothing_of_others(self, story: StoryOverAnAdapter) -> None:
        stored = await story.ended("user_ada", key="k1")
        other = await story.ended("user_bob", key="k1")
        await story.reopen()  # the first one is no longer in memory
        fresh = story.run(story.thread("user_ada"), key="k2")
        story.write(fresh)
        deleted = await story.log.delete_owner("user_ada")
        assert set(deleted) == {stored.head.thread_id, fresh.head.thread_id}
        for run in (stored, fresh):
            run.head = await story.head(run)
            await self.gone(story, run)
        assert (await story.log.request("user_bob", "k1", 0)).run_id == other.run_id
        assert await story.log.delete_owner("user_nobody") == []

    async def test_threads_without_events_since_a_time_are_trimmed(
        self, story: StoryOverAnAdapter, clock: ManualClock
    ) -> None:
        old, busy, active = [await story.ended("user_ada") for _ in range(3)]
        busy.head.pin(busy)
        clock.advance(s=10)
        await story.log.acquire(active.head)
        story.write(later := story.run(active.head))
        await story.log.durable(later)
        assert await story.log.trim(clock.now_ms()) == 1
        await self.gone(story, old)
        assert len(await story.log.threads("user_ada", limit=9)) == 2
        assert await story.log.trim(clock.now_ms()) == 0

    async def test_a_thread_that_gets_an_event_while_trimming_looks_is_kept(
        self, story: StoryOverAnAdapter, clock: ManualClock
    ) -> None:
        run = await story.ended("user_ada")
        clock.advance(s=10)
        await story.log.acquire(run.head)
        trimming = asyncio.create_task(story.log.trim(clock.now_ms()))
        await asyncio.sleep(0)
        story.write(later := story.run(run.head))
        assert await trimming == 0
        await story.log.durable(later)
        assert positions(await story.read(run.head)) == [1, 2]
