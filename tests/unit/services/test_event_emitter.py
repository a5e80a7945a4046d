"""An emitter writes its own user's run, stamps what it writes itself, and refuses everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from netra_backend.app.core.blobs import EXACT, Blob, BlobRef
from netra_backend.app.core.errors import DependencyUnavailable, FactoryRefused, Fault, SSotIsolationError
from netra_backend.app.core.events import (
    AgentCompleted,
    AgentDelta,
    AgentThinking,
    ModelCompleted,
    ModelStarted,
    StepFinished,
    StepRecorded,
    ToolCompleted,
    ToolExecuting,
    decode_event,
)
from netra_backend.app.core.history import OnCommit, RunRecord, ThreadHead, append
from netra_backend.app.core.limits import USUAL
from netra_backend.app.ports import EventLog
from netra_backend.app.services.event_emitter import EventTooLarge, UserEventEmitter

OWN = ("user_123", "thread_456")


class Log:
    """A log that keeps what is appended."""

    def __init__(self) -> None:
        self.ended: list[bool] = []
        self.waiting: list[bool] = []
        self.awaited: list[RunRecord] = []
        self.blobs: list[Blob] = []

    def append(
        self,
        run: RunRecord,
        frame: bytes,
        *,
        ends: bool = False,
        on_commit: OnCommit | None = None,
        blobs: Sequence[Blob] = (),
        may_wait: bool = False,
    ) -> None:
        self.ended.append(ends)
        self.waiting.append(may_wait)
        self.blobs += blobs
        append(run, frame, on_commit)

    async def durable(self, run: RunRecord) -> None:
        self.awaited.append(run)


MOST_BYTES = 1_000


class Clock:
    def now_ms(self) -> int:
        return 42

    def monotonic(self) -> float:
        return 0.0


def run_of(owner: str = OWN[0], thread_id: str = OWN[1]) -> RunRecord:
    return RunRecord(ThreadHead(owner, thread_id, "epoch", 1), "run_1", "req_1", "agent", None, "UTC", 0)


def emitter_of(
    log: Log | None = None, clock: Clock | None = None, most_ahead_bytes: int = USUAL.run_ahead_bytes
) -> UserEventEmitter:
    return UserEventEmitter(
        *OWN,
        None,
        cast(EventLog | None, log),
        clock,
        lambda emitter: None,
        most_bytes=MOST_BYTES,
        most_ahead_bytes=most_ahead_bytes,
    )


def test_an_event_carries_what_the_emitter_knows_and_not_what_it_is_told() -> None:
    emitter, run = emitter_of(Log(), Clock()), run_of()
    emitter.bind(run)
    emitter.emit(AgentThinking, text="one")
    on_commit = list[str]().clear
    emitter.emit(AgentThinking, text="two", on_commit=on_commit)
    chunk = run.head.chunk
    assert chunk is not None
    assert chunk.on_commit == [on_commit]
    first, second = (decode_event(frame) for frame in chunk.frames)
    assert (first.thread_id, first.run_id, first.seq, first.ts) == ("thread_456", "run_1", 1, 42)
    assert second.seq == 2
    assert emitter.sent == 2
    stamped: dict[str, Any] = {"text": "x", "thread_id": "thread_999"}
    with pytest.raises(TypeError, match="thread_id"):
        emitter.emit(AgentThinking, **stamped)


@pytest.mark.validation_point("emitter.run")
@pytest.mark.parametrize("foreign", [run_of(owner="user_999"), run_of(thread_id="thread_999")])
def test_another_users_or_threads_run_is_refused(foreign: RunRecord) -> None:
    emitter = emitter_of(Log(), Clock())
    with pytest.raises(SSotIsolationError, match="does not belong to the emitter's user and thread"):
        emitter.bind(foreign)
    assert emitter.rejected_count == 1


@pytest.mark.validation_point("emitter.state")
@pytest.mark.parametrize("state", ["not bound", "closed", "ended"])
def test_an_emitter_that_is_not_bound_or_closed_or_whose_run_has_ended_takes_nothing(state: str) -> None:
    emitter, run = emitter_of(Log(), Clock()), run_of()
    if state != "not bound":
        emitter.bind(run)
    if state == "closed":
        emitter.close()
    run.ended = state == "ended"
    seen: BaseException | None = None
    try:
        emitter.emit(AgentThinking, text="too late")
    except FactoryRefused as refusal:
        seen = refusal
    except AttributeError as fault:
        raise AssertionError("it went on without a run") from fault
    assert "the emitter is closed or its run has ended" in str(seen)
    assert run.head.top == 0


@pytest.mark.validation_point("emitter.log")
@pytest.mark.parametrize(("log", "clock"), [(None, Clock()), (Log(), None)])
def test_an_emitter_without_a_log_and_a_clock_refuses_to_emit(log: Log | None, clock: Clock | None) -> None:
    emitter = emitter_of(log, clock)
    emitter.bind(run_of())
    seen: BaseException | None = None
    try:
        emitter.emit(AgentThinking, text="x")
    except FactoryRefused as refusal:
        seen = refusal
    except AttributeError as fault:
        raise AssertionError("it went on without them") from fault
    assert "configure() with an event_log first" in str(seen)


def test_the_event_that_ends_a_run_is_told_to_the_log() -> None:
    log = Log()
    emitter = emitter_of(log, Clock())
    emitter.bind(run_of())
    emitter.emit(AgentThinking, text="x")
    emitter.emit(AgentCompleted, result={}, usage={}, elapsed_ms=1)
    assert log.ended == [False, True]


def test_a_models_answer_and_what_a_framework_keeps_may_wait_for_what_comes_next_and_no_end_of_an_effect() -> None:
    log = Log()
    emitter = emitter_of(log, Clock())
    emitter.bind(run_of())
    emitter.emit(ToolExecuting, "run_1:1", "book", {})
    emitter.emit(ToolCompleted, "run_1:1", "book", True, 1)
    emitter.emit(ModelStarted, "run_1:2", 1, "mini", "model#1")
    emitter.emit(AgentDelta, "run_1:2", 1, "It")
    emitter.emit(ModelCompleted, "run_1:2", 1, "stop")
    emitter.emit(StepFinished, "run_1:3", True, 1)
    emitter.emit(StepRecorded, "run_1:4", "state", "record:state#1", BlobRef("0" * 64, 1, EXACT))
    emitter.emit(AgentCompleted, result={}, usage={}, elapsed_ms=1)
    assert log.waiting == [False, False, False, False, True, False, True, False]


def test_a_huge_event_is_refused_and_nothing_is_written() -> None:
    emitter, run = emitter_of(Log(), Clock()), run_of()
    emitter.bind(run)
    with pytest.raises(EventTooLarge, match=f"the limit is {MOST_BYTES}"):
        emitter.emit(AgentThinking, text="x" * MOST_BYTES)
    assert (run.head.top, emitter.rejected_count) == (0, 1)


async def test_durable_waits_for_the_bound_run_alone() -> None:
    log, run = Log(), run_of()
    emitter = emitter_of(log, Clock())
    await emitter.durable()
    await emitter_of(None, Clock()).durable()
    emitter.bind(run)
    await emitter.durable()
    assert log.awaited == [run]


def test_closing_is_told_once() -> None:
    told: list[UserEventEmitter] = []
    emitter = UserEventEmitter(*OWN, "conn_1", None, None, told.append)
    emitter.close()
    emitter.close()
    assert told == [emitter]
    assert emitter.is_closed


def test_halves_of_surrogate_pairs_are_repaired_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    emitter, run = emitter_of(Log(), Clock()), run_of()
    emitter.bind(run)
    assert not emitter.emit(AgentThinking, text="whole \U0001f600")
    assert emitter.emit(AgentThinking, text="cut \ud83d")
    assert emitter.emit(AgentCompleted, {"text": "\ude00", "data": {"\ud83d": ["\ud83d"]}}, {}, 1)
    chunk = run.head.chunk
    assert chunk is not None
    told = [decode_event(frame) for frame in chunk.frames]
    assert [event.seq for event in told] == [1, 2, 3]
    assert told[1].text == "cut \ufffd"
    assert told[2].result == {"text": "\ufffd", "data": {"\ufffd": ["\ufffd"]}}
    assert [line.__dict__["event"] for line in caplog.records] == ["AgentThinking", "AgentCompleted"]
    assert emitter.repaired == 2


class BlobLog(Log):
    """A log with one blob, that is away at first."""

    def __init__(self, times_away: int = 0) -> None:
        super().__init__()
        self.failed = False
        self.times_away = times_away

    async def blob(self, owner: str, thread_id: str, ref: str) -> tuple[bytes, str] | None:
        if self.times_away:
            self.times_away -= 1
            raise DependencyUnavailable("The log is away.")
        return (b"body", "text/plain") if (owner, thread_id, ref) == (*OWN, "ref") else None


async def test_a_blob_of_the_thread_is_read_once_the_log_is_there_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netra_backend.app.services.event_emitter.AGAIN_S", 0.0)
    assert await emitter_of(BlobLog(times_away=2)).blob("ref") == b"body"


async def test_a_blob_that_is_not_there_is_a_fault_and_so_is_a_log_that_has_failed() -> None:
    with pytest.raises(Fault, match="not there any more"):
        await emitter_of(BlobLog()).blob("other")
    with pytest.raises(Fault, match="not there any more"):
        await emitter_of().blob("ref")
    log = BlobLog(times_away=1)
    log.failed = True
    with pytest.raises(DependencyUnavailable, match="The log is away"):
        await emitter_of(log).blob("ref")


class ValueLog(BlobLog):
    """A log with one value of the user, that is away at first."""

    @property
    def state(self) -> ValueLog:
        return self

    async def value(self, owner: str, thread_id: str, key: str) -> bytes | None:
        found = await self.blob(owner, thread_id or OWN[1], "ref" if key == "k" else "")
        return None if found is None else found[0]


async def test_a_value_is_read_once_the_log_is_there_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netra_backend.app.services.event_emitter.AGAIN_S", 0.0)
    assert await emitter_of(ValueLog(times_away=2)).value("", "k") == b"body"
    assert await emitter_of(ValueLog()).value("", "other") is None


async def test_no_value_is_read_of_a_log_that_has_failed_nor_by_a_closed_emitter() -> None:
    log = ValueLog(times_away=1)
    log.failed = True
    with pytest.raises(DependencyUnavailable):
        await emitter_of(log).value("", "k")
    closed = emitter_of(ValueLog())
    closed.close()
    with pytest.raises(DependencyUnavailable):
        await closed.value("", "k")


async def test_who_keeps_pace_waits_once_too_much_is_not_known_to_be_stored() -> None:
    log = Log()
    emitter = emitter_of(log, Clock(), most_ahead_bytes=5_000)
    run = run_of()
    emitter.bind(run)
    for _ in range(4):
        emitter.emit(AgentThinking, "a thought", "think#1", "")
        await emitter.keep_pace()
    assert not log.awaited
    emitter.emit(AgentThinking, "a thought", "think#2", "")
    await emitter.keep_pace()
    assert log.awaited == [run]
    emitter.emit(AgentThinking, "a thought", "think#3", "")
    await emitter.keep_pace()
    assert log.awaited == [run], "what is stored counts no more"


async def test_what_blobs_hold_counts_too() -> None:
    log = Log()
    emitter = emitter_of(log, Clock(), most_ahead_bytes=5_000)
    emitter.bind(run_of())
    emitter.emit(AgentThinking, "a thought", "think#1", "", blobs=(Blob.of(b"x" * 5_000, "text/plain"),))
    await emitter.keep_pace()
    assert len(log.awaited) == 1


async def test_of_many_who_wait_each_sees_what_the_ones_before_it_emitted() -> None:
    class SlowLog(Log):
        """A wait is for what was appended before it began."""

        stored = 0
        longest = 0

        def append(self, *arguments: Any, **named: Any) -> None:
            super().append(*arguments, **named)
            self.longest = max(self.longest, len(self.ended) - self.stored)

        async def durable(self, run: RunRecord) -> None:
            appended = len(self.ended)
            await asyncio.sleep(0)
            self.stored = max(self.stored, appended)

    log = SlowLog()
    emitter = emitter_of(log, Clock(), most_ahead_bytes=5_000)
    emitter.bind(run_of())

    async def one() -> None:
        await emitter.keep_pace()
        emitter.emit(AgentThinking, "a thought", "think#1", "", blobs=(Blob.of(b"x" * 5_000, "text/plain"),))

    await asyncio.gather(*(one() for _ in range(10)))
    assert (len(log.ended), log.longest) == (10, 1)
