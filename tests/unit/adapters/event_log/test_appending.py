"""The half that every event log shares, over a store that does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from netra_backend.app.adapters.event_log.appending import HOLD_S, AppendingLog
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.history import Chunk, RunRecord, StoredRun, ThreadHead
from test_framework.waiting import turns


class ToldLog(AppendingLog[str]):
    """Keeps what is put, and commits what the test says."""

    def __init__(self) -> None:
        self.told: list[list[Chunk]] = []
        self.failures: list[BaseException] = []
        super().__init__(asyncio.get_running_loop(), self.told.append, self.failures.append)
        self.put: list[Any] = []
        self.keys: list[str | None] = []
        self._put = self.put.append

    def _keyed(self, run: RunRecord) -> None:
        self.keys.append(run.key)

    def commit(self, *changes: str) -> None:
        """Say that all that was put is stored."""
        chunks = [chunk for work in self.put if isinstance(work, list) for chunk in work]
        self.put.clear()
        self._committed(chunks, changes)


def a_run(owner: str = "user_ada", key: str | None = None) -> RunRecord:
    head = ThreadHead(owner, "thr_1", "epoch", 0, fence=1)
    return RunRecord(head, "run_1", "req_1", "golden", key, "UTC", 0)


def frames(put: Sequence[Any]) -> list[list[list[bytes]]]:
    return [[chunk.frames for chunk in work] for work in put]


async def test_what_is_appended_in_one_turn_and_by_its_first_steps_goes_to_the_store_together() -> None:
    log, run = ToldLog(), a_run()
    log.append(run, b"1")
    asyncio.get_running_loop().call_soon(log.append, run, b"2")
    await turns(1)
    assert log.put == []
    await turns(2)
    assert frames(log.put) == [[[b"1", b"2"]]]


async def held_back(log: ToldLog) -> None:
    """Nothing is put, in as many turns as putting takes."""
    await turns(5)
    assert log.put == []


class TestEventsThatMayWait:
    async def test_they_go_with_what_the_thread_appends_next(self) -> None:
        log, run = ToldLog(), a_run()
        log.append(run, b"1", may_wait=True)
        log.append(run, b"2", may_wait=True)
        await held_back(log)
        log.append(run, b"3")
        await turns(3)
        assert frames(log.put) == [[[b"1", b"2", b"3"]]]
        log.append(run, b"4")
        await turns(3)
        assert frames(log.put)[1:] == [[[b"4"]]]

    async def test_they_go_when_somebody_waits_for_them(self) -> None:
        log, run = ToldLog(), a_run()
        log.append(run, b"1", may_wait=True)
        waiting = asyncio.create_task(log.durable(run))
        await turns(4)
        assert frames(log.put) == [[[b"1"]]]
        log.commit()
        await waiting

    async def test_they_go_before_what_another_run_of_the_thread_appends(self) -> None:
        log, run = ToldLog(), a_run()
        other = RunRecord(run.head, "run_2", "req_2", "golden", None, "UTC", 0)
        log.append(run, b"1", may_wait=True)
        log.append(other, b"2", may_wait=True)
        await turns(3)
        assert frames(log.put) == [[[b"1"]]]
        log.append(run, b"3")
        await turns(3)
        assert frames(log.put) == [[[b"1"]], [[b"2"], [b"3"]]]

    async def test_they_wait_for_no_other_thread_and_go_by_themselves_after_a_while(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log, runs = ToldLog(), [a_run(), a_run()]
        later: list[Any] = []
        loop: Any = SimpleNamespace(call_soon=log._loop.call_soon, call_later=lambda *given: later.append(given))
        monkeypatch.setattr(log, "_loop", loop)
        for run in runs:
            log.append(run, b"1", may_wait=True)
        log.append(a_run(), b"2")
        await turns(3)
        assert frames(log.put) == [[[b"2"]]]
        ((seconds, call),) = later
        assert seconds == HOLD_S
        call()
        await turns(3)
        assert frames(log.put)[1:] == [[[b"1"], [b"1"]]]
        log.append(runs[0], b"3", may_wait=True)
        assert len(later) == 2

    async def test_they_are_put_before_a_change(self) -> None:
        log, run = ToldLog(), a_run()
        log.append(run, b"1", may_wait=True)
        changing = asyncio.create_task(log._change("rename"))
        await turns(1)
        assert [type(work) for work in log.put] == [list, str]
        log.commit("rename")
        await changing

    async def test_they_do_not_go_to_a_store_that_has_failed(self) -> None:
        log, run = ToldLog(), a_run()
        log.append(run, b"1", may_wait=True)
        changing = asyncio.create_task(log._change("settle", may_wait=True))
        await turns(1)
        log.append(a_run(), b"2")
        log._fail(OSError("no space"))
        log._send_on_held()
        await held_back(log)
        with pytest.raises(DependencyUnavailable):
            await changing

    @pytest.mark.parametrize("goes_with", ["append", "change", "time"])
    async def test_a_change_that_may_wait_goes_with_what_is_put_next(
        self, goes_with: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log, run = ToldLog(), a_run()
        changing = [asyncio.create_task(log._change("settle", may_wait=True))]
        await held_back(log)
        if goes_with == "append":
            log.append(run, b"1")
        elif goes_with == "change":
            changing.append(asyncio.create_task(log._change("rename")))
        else:
            log._send_on_held()
        await turns(3)
        expected = {"append": [list, "settle"], "change": ["settle", "rename"], "time": ["settle"]}
        assert [list if isinstance(work, list) else work for work in log.put] == expected[goes_with]
        log.commit("settle", *(["rename"] if goes_with == "change" else []))
        await asyncio.gather(*changing)


async def test_those_who_wait_are_woken_in_the_order_of_what_was_stored() -> None:
    log, runs, woken = ToldLog(), [a_run() for _ in range(40)], list[int]()

    async def waiting(number: int) -> None:
        await log.durable(runs[number])
        woken.append(number)

    for run in reversed(runs):
        log.append(run, b"1")
    tasks = [asyncio.create_task(waiting(number)) for number in range(40)]
    await turns(3)
    log.commit()
    await asyncio.gather(*tasks)
    assert woken == list(reversed(range(40)))


async def test_a_chunk_that_was_put_takes_no_more_frames() -> None:
    log, run = ToldLog(), a_run()
    log.append(run, b"1")
    await turns(3)
    log.append(run, b"2", ends=True)
    await turns(3)
    assert frames(log.put) == [[[b"1"]], [[b"2"]]]
    assert [work[0].ends for work in log.put] == [False, True]


async def test_a_key_is_told_with_the_first_event_of_its_run_alone() -> None:
    log, run = ToldLog(), a_run(key="k1")
    log.append(run, b"1")
    run.seq = 1
    await turns(3)
    log.append(run, b"2")
    log.append(a_run(), b"1")
    assert log.keys == ["k1"]


async def test_nothing_is_appended_to_what_is_nobodys_nor_to_a_log_that_failed() -> None:
    log, run = ToldLog(), a_run()
    with pytest.raises(DependencyUnavailable):
        log.append(a_run(owner=""), b"1")
    log._fail(OSError("no space"))
    with pytest.raises(DependencyUnavailable):
        log.append(run, b"1")
    with pytest.raises(DependencyUnavailable):
        await log.durable(run)
    with pytest.raises(DependencyUnavailable):
        await log._change("rename")
    assert [type(failure) for failure in log.failures] == [OSError]


async def test_a_change_is_put_after_all_that_was_appended_before_it_and_returns_with_its_commit() -> None:
    log, run = ToldLog(), a_run()
    log.append(run, b"1")
    changing = asyncio.create_task(log._change("rename"))
    await turns(1)
    assert [type(work) for work in log.put] == [list, str]
    assert not changing.done()
    log.commit("rename")
    await changing
    assert [[chunk.frames for chunk in told] for told in log.told] == [[[b"1"]]]


async def test_those_who_wait_for_what_is_never_stored_are_told_and_others_wait_on() -> None:
    log, run, other = ToldLog(), a_run(), a_run()
    for each in (run, other):
        log.append(each, b"1")
    waiting = [asyncio.create_task(log.durable(each)) for each in (run, other)]
    await turns(3)
    log._turn_away(run.head)
    log._turn_away(ThreadHead("user_bob", "thr_2", "epoch", 0))  # nobody waits for that one
    await turns(1)
    assert [task.done() for task in waiting] == [True, False]
    assert isinstance(waiting[0].exception(), DependencyUnavailable)
    log.commit()
    await waiting[1]
    assert other.head.durable == 1


async def test_a_head_that_is_disowned_is_nobodys_whether_or_not_it_was_known() -> None:
    log = ToldLog()
    log._disown("thr_1", 7)
    made = log.known("thr_1")
    assert made is not None
    assert (made.owner, made.key) == ("", 7)
    log._keep(head := ThreadHead("user_ada", "thr_2", "epoch", 0, title="t"))
    log._disown("thr_2")
    assert (head.owner, head.title, head.epoch) == ("", "", "")


async def test_a_thread_is_in_use_while_it_has_a_run_or_more_than_the_store_has_shown() -> None:
    log, run = ToldLog(), a_run()
    assert not log._is_in_use("thr_1", 0)
    log._keep(run.head)
    assert not log._is_in_use("thr_1", 0)
    run.head.pin(run)
    assert log._is_in_use("thr_1", 0)
    run.head.unpin(run)
    log.append(run, b"1")
    assert log._is_in_use("thr_1", 0)


async def test_a_run_that_goes_on_or_has_just_ended_here_is_not_taken_for_one_that_was_left() -> None:
    log, run = ToldLog(), a_run()
    log._keep(run.head)
    asked: list[str] = []

    def stored(run_id: str, thread_id: str, ended_seq: int = 0) -> StoredRun:
        return StoredRun(run_id, "user_ada", thread_id, "golden", "req_1", "UTC", 0, 1, ended_seq)

    async def look(run_id: str) -> StoredRun | None:
        asked.append(run_id)
        return None if run_id == "run_deleted" else stored(run_id, "thr_1", ended_seq=2 if run_id == "run_1" else 0)

    left, here = stored("run_9", "thr_9"), stored("run_1", "thr_1")
    log.append(run, b"1", ends=True)
    assert await log._left([left, here], look) == [left]  # its end is on its way
    await turns(3)
    log.commit()
    unread = stored("run_2", "thr_1")
    assert await log._left([left, here, stored("run_deleted", "thr_1"), unread], look) == [left, unread]
    run.head.pin(run)
    assert await log._left([here], look) == []
    assert asked == ["run_1", "run_deleted", "run_2"]
