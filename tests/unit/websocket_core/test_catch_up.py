"""Catching up: neither a hole nor a repeat, whatever is appended, deleted or asked meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.adapters.sqlite.event_log import SqliteEventLog
from netra_backend.app.adapters.sqlite.new_epochs import renew_epochs
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.events import Position
from netra_backend.app.core.frames import Resume
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.quotas import Quotas
from netra_backend.app.services.conversations import Conversations
from netra_backend.app.websocket_core.catch_up import AGAIN_S, CatchUp
from test_framework.clock import SeededEntropy
from test_framework.ids import new_id
from test_framework.log_story import LogStory
from test_framework.seen_positions import kept_by_a_client, resuming, seqs

WAIT_S, MOST_THREADS = 2.0, 5


class Archive(LogStory):
    """A story whose events are delivered to a room."""

    room: Any
    catch_up: CatchUp
    waits: list[float]

    def publish(self, chunks: Any) -> None:
        super().publish(chunks)
        self.room.pool.publish(chunks)

    async def resume(self, connection: Any, **positions: Any) -> None:
        """Ask for these threads, each from ``(epoch, seq)``."""
        connection.received(resuming(**positions))


@pytest.fixture
async def archive(room: Any, tmp_path: Path) -> AsyncIterator[Archive]:
    story = Archive()
    story.room = room
    loop = asyncio.get_running_loop()
    log = SqliteEventLog(tmp_path / "events.db", room.clock, loop, story.publish, story.failed)
    story.tell(log)
    quotas = Quotas(Limits())
    conversations = Conversations(log, room.clock, SeededEntropy(), new_id, quotas)
    story.waits = []

    async def sleep(seconds: float) -> None:
        story.waits.append(seconds)

    story.catch_up = CatchUp(
        log, conversations, sleep=sleep, limits=Limits(replay_wait_s=WAIT_S, replayed_threads=MOST_THREADS)
    )

    async def answer(what: str, frame: Any) -> None:
        raise AssertionError(what)

    room.handlers.answer = answer
    room.handlers.catch_up = story.catch_up.resume
    yield story
    await log.close()


async def a_moment() -> None:
    """Let the log's own threads go on: a loop that only spins would keep the interpreter from them."""
    await asyncio.to_thread(int)


async def until(wire: Any, kind: str, count: int = 1) -> None:
    async with asyncio.timeout(20):
        while sum(frame.get("type") == kind for frame in wire.said) < count:  # frames set no event
            await a_moment()


class TestReplay:
    async def test_what_is_missing_comes_in_order_and_then_live(self, archive: Archive, room: Any) -> None:
        run = await archive.ended("user_ada", *map(str, range(9)))
        connection, wire = await room.connect()
        await archive.resume(connection, **{run.head.thread_id: (run.head.epoch, 4)})
        await until(wire, "live")
        assert seqs(wire.said) == [5, 6, 7, 8, 9, 10]
        assert wire.said[-1] == {
            "type": "live",
            "thread_id": run.head.thread_id,
            "epoch": run.head.epoch,
            "seq": 10,
            "id": "r",
        }

    async def test_from_the_beginning_no_epoch_is_needed(self, archive: Archive, room: Any) -> None:
        run = await archive.ended("user_ada", "a")
        connection, wire = await room.connect()
        await archive.resume(connection, **{run.head.thread_id: ("", 0)})
        await until(wire, "live")
        assert seqs(wire.said) == [1, 2]

    async def test_where_nothing_is_missing_only_live_is_said(self, archive: Archive, room: Any) -> None:
        run = await archive.ended("user_ada", "a")
        connection, wire = await room.connect()
        await archive.resume(connection, **{run.head.thread_id: (run.head.epoch, 2)})
        await until(wire, "live")
        assert [frame["type"] for frame in wire.said] == ["live"]

    @pytest.mark.parametrize("asked", [("another", 1), ("epoch-user_ada", 3), ("epoch-user_ada", -1)])
    async def test_a_position_that_this_history_does_not_have_is_reset(
        self, archive: Archive, room: Any, asked: tuple[str, int]
    ) -> None:
        run = await archive.ended("user_ada", "a")
        connection, wire = await room.connect()
        await archive.resume(connection, **{run.head.thread_id: asked})
        await until(wire, "reset")
        assert wire.said[0] == {
            "type": "reset",
            "thread_id": run.head.thread_id,
            "epoch": run.head.epoch,
            "oldest": 1,
            "top": 2,
            "id": "r",
        }
        assert seqs(wire.said) == []

    async def test_what_is_older_than_the_history_goes_back_is_reset(self, archive: Archive, room: Any) -> None:
        run = await archive.ended("user_ada", "a", "b")
        run.head.oldest = 3
        connection, wire = await room.connect()
        await archive.resume(connection, **{run.head.thread_id: (run.head.epoch, 1)})
        await until(wire, "reset")
        assert wire.said[0]["oldest"] == 3

    async def test_threads_that_were_not_named_are_told_with_their_tops(self, archive: Archive, room: Any) -> None:
        named, other = await archive.ended("user_ada", "a"), await archive.ended("user_ada", "b", "c")
        await archive.ended("user_bob")
        connection, wire = await room.connect()
        await archive.resume(connection, **{named.head.thread_id: (named.head.epoch, 2)})
        await until(wire, "live", 2)
        assert {frame["thread_id"]: frame["seq"] for frame in wire.said} == {
            named.head.thread_id: 2,
            other.head.thread_id: 3,
        }

    async def test_as_many_threads_are_told_unnamed_as_are_set(self, archive: Archive, room: Any) -> None:
        for _ in range(MOST_THREADS + 2):
            await archive.ended("user_ada", "a")
        connection, wire = await room.connect()
        await archive.resume(connection)
        await until(wire, "live", MOST_THREADS)
        assert len(wire.said) == MOST_THREADS

    async def test_a_top_that_is_told_is_never_behind_what_was_sent(self, archive: Archive, room: Any) -> None:
        run = await archive.ended("user_ada", "a")
        connection, wire = await room.connect()
        read = archive.log.threads

        async def threads(owner: str, **how: Any) -> Any:
            found = await read(owner, **how)
            archive.write(later := archive.run(run.head))
            await archive.log.durable(later)  # committed and sent after the store was read
            return found

        archive.log.threads = threads  # type: ignore[method-assign]  # the moment that matters
        await archive.resume(connection)
        await until(wire, "live")
        assert seqs(wire.said) == [3]
        assert wire.said[-1]["seq"] == 3


class TestMeanwhile:
    async def test_appends_while_it_catches_up_leave_neither_hole_nor_repeat(
        self, archive: Archive, room: Any, rng: random.Random
    ) -> None:
        run = archive.run(archive.thread())
        for _ in range(900):
            archive.write(run, "x" * rng.randrange(200))
        await archive.log.durable(run)
        connection, wire = await room.connect()
        await archive.resume(connection, **{run.head.thread_id: ("", 0)})
        while not any(frame.get("type") == "live" for frame in wire.said):
            archive.write(run, "meanwhile")
            for _ in range(rng.randrange(4)):
                await a_moment()
        archive.write(run, "after", ends=True)
        await archive.log.durable(run)
        await a_moment()
        assert seqs(wire.said) == list(range(1, run.head.top + 1))

    async def test_a_second_resume_of_a_thread_waits_for_the_first(self, archive: Archive, room: Any) -> None:
        run = archive.run(archive.thread())
        for _ in range(700):
            archive.write(run)
        await archive.log.durable(run)
        connection, wire = await room.connect()
        await archive.resume(connection, **{run.head.thread_id: ("", 0)})
        await archive.resume(connection, **{run.head.thread_id: (run.head.epoch, 690)})
        archive.write(run)
        await until(wire, "live", 2)
        await archive.log.durable(run)
        await a_moment()
        assert kept_by_a_client(seqs(wire.said)) == list(range(1, 702))
        assert seqs(wire.said).count(695) == 2

    async def test_no_more_than_a_page_waits_for_a_slow_reader(self, archive: Archive, room: Any) -> None:
        run = archive.run(archive.thread())
        for _ in range(8):
            archive.write(run, "y" * 400_000)
        await archive.log.durable(run)
        connection, wire = await room.connect()
        wire.fills_at = 1
        await archive.resume(connection, **{run.head.thread_id: ("", 0)})
        most = 0
        async with asyncio.timeout(20):
            while len(seqs(wire.said)) < 8:
                await a_moment()
                most = max(most, connection.outbox.bytes)
                if not wire.writable and connection.outbox.bytes:
                    wire.writable = True
                    connection.writable()
        assert seqs(wire.said) == list(range(1, 9))
        assert 0 < most <= 1_048_576
        assert wire.closed == []

    async def test_a_thread_that_is_deleted_meanwhile_is_not_found_and_the_rest_goes_on(
        self, archive: Archive, room: Any
    ) -> None:
        run, other = archive.run(archive.thread()), await archive.ended("user_ada", "a")
        for _ in range(700):
            archive.write(run)
        await archive.log.durable(run)
        connection, wire = await room.connect()
        pages = archive.log.pages

        async def deleted_after_one(*asked: Any) -> AsyncIterator[list[bytes]]:
            async for page in pages(*asked):
                yield page
                if asked[0] is run.head:
                    await archive.log.delete_thread(run.head)

        archive.log.pages = deleted_after_one  # type: ignore[method-assign, assignment]  # the moment that matters
        positions = {run.head.thread_id: ("", 0), other.head.thread_id: ("", 0)}
        await archive.resume(connection, **positions)
        await until(wire, "live")
        assert [frame.get("error") for frame in wire.said if frame.get("type") == "error"] == ["not_found"]
        assert wire.said[-1]["thread_id"] == other.head.thread_id

    async def test_a_socket_that_is_lost_ends_the_replay(self, archive: Archive, room: Any) -> None:
        run = archive.run(archive.thread())
        for _ in range(700):
            archive.write(run)
        await archive.log.durable(run)
        connection, wire = await room.connect()
        wire.writable = False
        replay = asyncio.create_task(archive.catch_up.resume(connection, Resume({run.head.thread_id: Position("", 0)})))
        async with asyncio.timeout(20):
            while not connection.outbox.bytes:  # an outbox sets no event
                await a_moment()
        connection.lost()
        await replay
        assert wire.writes == []
        assert connection.catching_up == set()

    async def test_a_head_that_is_let_go_meanwhile_leaves_no_hole(
        self, archive: Archive, room: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = await archive.ended("user_ada", *["x"] * 400)
        connection, wire = await room.connect()
        monkeypatch.setattr(archive.log, "_most_heads", 1)
        pages = archive.log.pages

        async def meanwhile(*asked: Any) -> AsyncIterator[list[bytes]]:
            async for page in pages(*asked):
                yield page
            if asked[0] is run.head:
                archive.thread("user_bob")  # the head makes room
                found = await archive.log.find(run.head.thread_id)
                assert found is not None
                assert found is not run.head
                archive.write(later := archive.run(found))
                await archive.log.durable(later)

        archive.log.pages = meanwhile  # type: ignore[method-assign, assignment]  # the moment that matters
        await archive.resume(connection, **{run.head.thread_id: ("", 0)})
        await until(wire, "live")
        assert seqs(wire.said) == list(range(1, 403))


class TestWhileTheLogIsAway:
    async def test_every_named_thread_is_answered_when_it_is_back(self, archive: Archive, room: Any) -> None:
        runs = [await archive.ended("user_ada", "a") for _ in range(3)]
        away(archive.log, "find", 5)
        away(archive.log, "threads", 2)
        connection, wire = await room.connect()
        forget(archive, runs)
        await archive.resume(connection, **{run.head.thread_id: ("", 0) for run in runs})
        await until(wire, "live", 3)
        lives = [frame for frame in wire.said if frame.get("type") == "live"]
        assert [(frame["thread_id"], frame["seq"]) for frame in lives] == [(run.head.thread_id, 2) for run in runs]
        assert not [frame for frame in wire.said if frame.get("type") == "error"]
        await settled(connection)
        assert len(archive.waits) == 7

    async def test_a_replay_that_breaks_off_goes_on_behind_what_was_sent(self, archive: Archive, room: Any) -> None:
        run = await archive.ended("user_ada", *["x"] * 700)
        connection, wire = await room.connect()
        pages, breaks = archive.log.pages, [1, 1]

        async def broken_off(*asked: Any) -> AsyncIterator[list[bytes]]:
            async for page in pages(*asked):
                yield page
                if breaks:
                    breaks.pop()
                    raise DependencyUnavailable("The database does not answer.")

        archive.log.pages = broken_off  # type: ignore[method-assign, assignment]  # the moment that matters
        await archive.resume(connection, **{run.head.thread_id: ("", 0)})
        await until(wire, "live")
        assert seqs(wire.said) == list(range(1, 702))
        assert len(archive.waits) == 2

    async def test_a_thread_that_has_another_history_when_it_is_back_is_reset(
        self, archive: Archive, room: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = await archive.ended("user_ada", *["x"] * 700)
        connection, wire = await room.connect()
        monkeypatch.setattr(archive.log, "_most_heads", 1)
        pages = archive.log.pages

        async def away_and_restored(*asked: Any) -> AsyncIterator[list[bytes]]:
            archive.log.pages = pages  # type: ignore[method-assign]
            async for page in pages(*asked):
                yield page
                assert renew_epochs(tmp_path / "events.db") == 1
                archive.thread("user_bob")  # the head that was known makes room
                raise DependencyUnavailable("The database does not answer.")

        archive.log.pages = away_and_restored  # type: ignore[method-assign, assignment]  # the moment that matters
        await archive.resume(connection, **{run.head.thread_id: ("", 0)})
        await settled(connection)
        (told,) = [frame for frame in wire.said if frame.get("type") in ("live", "reset", "error")]
        found = await archive.log.find(run.head.thread_id)
        assert found is not None
        assert found.epoch != run.head.epoch
        assert told == {
            "type": "reset", "thread_id": run.head.thread_id, "epoch": found.epoch, "oldest": 1, "top": 701, "id": "r",
        }  # fmt: skip

    async def test_one_that_stays_away_is_told_for_each_named_thread_and_holds_nothing_back(
        self, archive: Archive, room: Any
    ) -> None:
        runs = [await archive.ended("user_ada", "a") for _ in range(3)]
        away(archive.log, "find", 10**6)
        away(archive.log, "threads", 10**6)
        connection, wire = await room.connect()
        forget(archive, runs)
        await archive.resume(connection, **{run.head.thread_id: ("", 0) for run in runs})
        await until(wire, "error", 4)
        told = [(frame["error"], frame["retryable"], frame["id"]) for frame in wire.said]
        assert told == [("dependency_unavailable", True, "r")] * 4  # the fourth: of what was not named
        assert len(archive.waits) == WAIT_S / AGAIN_S
        assert connection.catching_up == set()

    async def test_one_that_has_failed_is_not_waited_for(self, archive: Archive, room: Any) -> None:
        run = await archive.ended("user_ada", "a")
        away(archive.log, "find", 10**6)
        connection, wire = await room.connect()
        forget(archive, [run])
        archive.log.failed = True
        await archive.resume(connection, **{run.head.thread_id: ("", 0)})
        await until(wire, "error")
        assert archive.waits == []


def away(log: Any, question: str, times: int) -> None:
    """Have the log answer this question with ``dependency_unavailable``, so often."""
    ask, left = getattr(log, question), [times]

    async def asked(*given: Any, **how: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise DependencyUnavailable("The database does not answer.")
        return await ask(*given, **how)

    setattr(log, question, asked)


def forget(archive: Archive, runs: list[Any]) -> None:
    """Have these threads read from the store when they are asked for."""
    for run in runs:
        archive.log.forget(run.head.thread_id)


async def settled(connection: Any) -> None:
    """Wait until nothing more is said because of what was asked."""
    async with asyncio.timeout(20):
        while connection._incoming._replays._task is not None:
            await a_moment()


class TestOwnership:
    @pytest.mark.validation_point("thread.owned")
    async def test_another_users_thread_answers_the_same_bytes_as_an_absent_one(
        self, archive: Archive, room: Any
    ) -> None:
        foreign = await archive.ended("user_bob", "the secret")
        deleted = await archive.ended("user_ada", "gone")
        await archive.log.delete_thread(deleted.head)
        answers = []
        for thread_id in (foreign.head.thread_id, "thr_absent", deleted.head.thread_id):
            connection, wire = await room.connect()
            await archive.resume(connection, **{thread_id: ("epoch-user_bob", 1)})
            async with asyncio.timeout(20):
                while not wire.writes:  # a wire sets no event
                    await a_moment()
            answers.append(b"".join(frame for write in wire.writes for frame in write))
        assert answers[0] == answers[1] == answers[2]
        assert b"not_found" in answers[0]
        assert [row[:3] for row in room.audit.kept] == [("user_ada", "refused", "thread.owned")] * 3
