"""What every event log promises about values that agents keep (``state_ports.StateStore``): one suite over all adapters."""

from __future__ import annotations

import asyncio
import json
from typing import get_args

from netra_backend.app.core import history
from netra_backend.app.core.history import RunRecord
from netra_backend.app.core.state import USER, VALUES_A_PAGE, StateWrite, WriteOutcome, digest_of
from test_framework.clock import START_MS
from test_framework.ids import new_id
from test_framework.log_story import LogStory
from tests.contract.conftest import StoryOverAnAdapter
from tests.contract.test_shared_event_log_contract import Sharing, opening, sharing

__all__ = ("opening", "sharing")


def write(
    story: LogStory,
    run: RunRecord,
    key: str,
    value: bytes | None,
    *,
    user: bool = False,
    expected: str | None = None,
    most_keys: int = 10,
) -> StateWrite:
    """Append an event that tells what became of this write."""
    frame = story.write(run, "written")
    place = USER if user else run.head.thread_id
    made = StateWrite(run.head.owner, place, key, value, expected, most_keys)
    frames: dict[WriteOutcome, bytes] = {"written": frame}
    for other in get_args(WriteOutcome)[1:]:
        frames[other] = frame.replace(b'"written"', b'"%s"' % other.encode())
    history.attach(run, made, frames)
    return made


async def told(story: StoryOverAnAdapter, run: RunRecord) -> list[str]:
    """What the events of the thread tell: as published, as read, and as read after a restart, which must be one."""
    published = [json.loads(frame)["text"] for each in story.published for frame in each.frames]
    read = [json.loads(frame)["text"] for frame in await story.read(run.head)]
    assert published == read
    return read


class TestWriting:
    async def test_a_value_is_there_once_its_event_is_committed_and_after_a_restart(
        self, story: StoryOverAnAdapter
    ) -> None:
        run = story.run(story.thread())
        write(story, run, "one", b'"1"')
        write(story, run, "mine", b'{"a":"\\u0000"}', user=True)
        await story.log.durable(run)
        for _ in range(2):
            assert await story.log.state.value("user_ada", run.head.thread_id, "one") == b'"1"'
            assert await story.log.state.value("user_ada", USER, "mine") == b'{"a":"\\u0000"}'
            await story.reopen()

    async def test_a_value_is_replaced_and_removed_and_to_remove_nothing_is_nothing(
        self, story: StoryOverAnAdapter
    ) -> None:
        run = story.run(story.thread())
        for value in (b"1", b"2", None, None):
            write(story, run, "k", value)
            await story.log.durable(run)
            assert await story.log.state.value("user_ada", run.head.thread_id, "k") == value
        assert await told(story, run) == ["written"] * 4

    async def test_of_writes_that_are_committed_together_each_is_judged_after_those_before_it(
        self, story: StoryOverAnAdapter
    ) -> None:
        one, two = story.run(story.thread()), story.run(story.thread())
        made = [
            write(story, one, "n", b"1", user=True, expected=""),
            write(story, one, "n", b"2", user=True, expected=""),
            write(story, one, "n", b"3", user=True, expected=digest_of(b"1")),
            write(story, one, "n", None, user=True),
            write(story, two, "n", b"4", user=True, expected=""),
            write(story, two, "n", b"5", user=True, expected=digest_of(b"4")),
        ]
        await story.log.durable(one)
        await story.log.durable(two)
        assert [each.outcome for each in made] == ["written", "conflict", "written", "written", "written", "written"]
        assert await story.log.state.value("user_ada", USER, "n") == b"5"

    async def test_a_write_of_another_value_than_expected_changes_its_own_event_and_nothing_else(
        self, story: StoryOverAnAdapter
    ) -> None:
        run, other = story.run(story.thread()), story.run(story.thread())
        story.write(run, "before")
        lost = write(story, run, "k", b"2", user=True, expected=digest_of(b"1"))
        story.write(run, "after")
        story.write(other, "beside")
        await story.log.durable(run)
        await story.log.durable(other)
        assert lost.outcome == "conflict"
        assert [json.loads(frame)["text"] for frame in await story.read(run.head)] == ["before", "conflict", "after"]
        assert [json.loads(frame)["text"] for frame in await story.read(other.head)] == ["beside"]
        assert sorted(json.loads(f)["text"] for each in story.published for f in each.frames) == sorted(
            ["before", "conflict", "after", "beside"]
        )
        assert await story.log.state.value("user_ada", USER, "k") is None
        write(story, run, "k", b"3", user=True, expected="")
        await story.log.durable(run)
        assert await story.log.state.value("user_ada", USER, "k") == b"3"

    async def test_there_are_no_more_keys_than_the_bound_for_a_thread_and_for_a_user(
        self, story: StoryOverAnAdapter
    ) -> None:
        run = story.run(story.thread())
        for user in (False, True):
            made = [write(story, run, f"k{n}", b"1", user=user, most_keys=2) for n in range(3)]
            made += [write(story, run, "k0", b"2", user=user, most_keys=2)]
            await story.log.durable(run)
            assert [each.outcome for each in made] == ["written", "written", "full", "written"]
            write(story, run, "k0", None, user=user, most_keys=2)
            made = [write(story, run, "k9", b"1", user=user, most_keys=2)]
            await story.log.durable(run)
            assert made[0].outcome == "written"


class TestReading:
    async def test_values_are_read_in_order_and_in_pages(self, story: StoryOverAnAdapter) -> None:
        run = story.run(story.thread())
        keys = [f"k{n:04}" for n in range(VALUES_A_PAGE + 5)] + ["ключ", "\U0001f600"]
        for key in reversed(keys):
            write(story, run, key, json.dumps(key).encode(), most_keys=1000)
        await story.log.durable(run)
        found: list[tuple[str, bytes]] = []
        while page := await story.log.state.page("user_ada", run.head.thread_id, found[-1][0] if found else ""):
            assert len(page) <= VALUES_A_PAGE
            found += page
        assert found == [(key, json.dumps(key).encode()) for key in keys]

    async def test_a_value_is_its_owners_in_its_thread_and_nobody_elses(self, story: StoryOverAnAdapter) -> None:
        adas, bobs = story.run(story.thread("user_ada")), story.run(story.thread("user_bob"))
        for run in (adas, bobs):
            write(story, run, "k", json.dumps(run.head.owner).encode())
            write(story, run, "k", json.dumps(run.head.owner).encode(), user=True)
        await story.log.durable(adas)
        await story.log.durable(bobs)
        state = story.log.state
        assert await state.value("user_bob", USER, "k") == b'"user_bob"'
        for owner, thread_id in (
            ("user_bob", adas.head.thread_id),
            ("user_eve", USER),
            ("", adas.head.thread_id),
            ("user_ada", new_id("thr")),
            ("user_ada", "\x00"),
        ):
            assert await state.value(owner, thread_id, "k") is None
            assert await state.page(owner, thread_id) == []


class TestDeleting:
    async def test_values_of_a_thread_go_with_it_and_those_of_the_user_with_the_user(
        self, story: StoryOverAnAdapter
    ) -> None:
        gone, kept, bobs = (story.run(story.thread(owner)) for owner in ("user_ada", "user_ada", "user_bob"))
        for run in (gone, kept, bobs):
            write(story, run, "k", b"1")
            write(story, run, "k", b"2", user=True)
            story.write(run, ends=True)
            await story.log.durable(run)
        state = story.log.state
        await story.log.delete_thread(gone.head)
        assert await state.value("user_ada", gone.head.thread_id, "k") is None
        assert await state.value("user_ada", kept.head.thread_id, "k") == b"1"
        assert await state.value("user_ada", USER, "k") == b"2"
        await story.log.delete_owner("user_ada")
        assert await state.value("user_ada", kept.head.thread_id, "k") is None
        assert await state.value("user_ada", USER, "k") is None
        assert await state.value("user_bob", bobs.head.thread_id, "k") == b"1"
        assert await state.value("user_bob", USER, "k") == b"2"

    async def test_values_of_users_go_once_they_are_old_and_no_others(self, story: StoryOverAnAdapter) -> None:
        run = story.run(story.thread())
        write(story, run, "k", b"1")
        write(story, run, "k", b"2", user=True)
        await story.log.durable(run)
        assert await story.log.state.expire(START_MS - 1) == 0
        assert await story.log.state.value("user_ada", USER, "k") == b"2"
        assert await story.log.state.expire(START_MS + 1) == 1
        assert await story.log.state.value("user_ada", USER, "k") is None
        assert await story.log.state.value("user_ada", run.head.thread_id, "k") == b"1"


class TestSharing:
    async def test_of_two_processes_that_expect_the_same_value_one_writes(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        ones, twos = await one.begun(), await two.begun()
        for n in range(8):
            before = None if not n else b"%d" % (n - 1)
            expected = digest_of(before)
            made = [
                write(one, ones, "k", b"%d" % n, user=True, expected=expected),
                write(two, twos, "k", b"%d" % n, user=True, expected=expected),
            ]
            await asyncio.gather(one.log.durable(ones), two.log.durable(twos))
            assert sorted(each.outcome for each in made) == ["conflict", "written"]
        assert one.why == two.why == []  # nobody lost a thread by it

    async def test_a_value_whose_event_the_store_rejects_is_not_written(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        ones = await one.begun()
        twos = two.run(two.log.create("user_ada", ones.head.thread_id, "epoch", "A title", START_MS))
        write(two, twos, "k", b"1", user=True)
        beside = await two.begun()
        write(two, beside, "other", b"2", user=True)
        await two.log.durable(beside)
        assert [why for _, why in two.why] == ["thread_taken"]
        assert await one.log.state.value("user_ada", USER, "k") is None
        assert await one.log.state.value("user_ada", USER, "other") == b"2"
