"""Histories: positions without holes, given out from memory, and chunks that are committed together."""

from __future__ import annotations

from netra_backend.app.core.history import (
    AppendRejection,
    Chunk,
    HeldElsewhere,
    RunRecord,
    ThreadHead,
    append,
    reject,
    report_commits,
    seal,
)


class Observer:
    """``RunObserver`` that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def committed(self, run: RunRecord) -> None:
        self.told.append((run.run_id, "committed"))

    def rejected(self, run: RunRecord, why: AppendRejection) -> None:
        self.told.append((run.run_id, why))


def run_of(head: ThreadHead, name: str, observer: Observer | None = None) -> RunRecord:
    return RunRecord(head, name, f"req_{name}", "a", None, "UTC", 0, observer)


def appended(run: RunRecord, frame: bytes) -> Chunk:
    chunk = append(run, frame)
    assert chunk is not None
    return chunk


def test_a_new_thread_is_empty_and_not_stored() -> None:
    head = ThreadHead("user_1", "thr_1", "e", 1)
    assert (head.top, head.durable, head.oldest, head.stored, head.pins) == (0, 0, 1, False, 0)


def test_a_thread_that_was_read_goes_on_where_it_ended() -> None:
    head = ThreadHead("user_1", "thr_1", "e", 1, top=7, oldest=3, row=9, title="t")
    assert (head.top, head.durable, head.oldest, head.stored, head.row, head.title) == (7, 7, 3, True, 9, "t")
    assert appended(run_of(head, "r"), b"{}").first == 8


def test_adjacent_events_of_one_run_share_a_chunk() -> None:
    head = ThreadHead("user_1", "thr_1", "e", 1)
    run = run_of(head, "r")
    chunk = appended(run, b"1")
    assert append(run, b"2") is None
    assert (chunk.first, chunk.last, chunk.frames) == (1, 2, [b"1", b"2"])
    assert (head.top, head.durable) == (2, 0)
    assert chunk.head is head


def test_another_runs_event_begins_a_chunk_of_its_own_at_the_next_position() -> None:
    head = ThreadHead("user_1", "thr_1", "e", 1)
    one, two = run_of(head, "one"), run_of(head, "two")
    first, second, third = appended(one, b"1"), appended(two, b"2"), appended(one, b"3")
    assert [(chunk.run.run_id, chunk.first, chunk.last) for chunk in (first, second, third)] == [
        ("one", 1, 1),
        ("two", 2, 2),
        ("one", 3, 3),
    ]


def test_a_sealed_chunk_takes_nothing_more() -> None:
    head = ThreadHead("user_1", "thr_1", "e", 1)
    run = run_of(head, "r")
    first = appended(run, b"1")
    seal(first)
    second = appended(run, b"2")
    assert (first.frames, second.frames, second.first) == ([b"1"], [b"2"], 2)
    seal(first)  # of the past: the open one stays open
    assert append(run, b"3") is None
    assert second.frames == [b"2", b"3"]


def test_a_chunk_carries_the_fence_of_the_moment_when_it_was_begun() -> None:
    head = ThreadHead("user_1", "thr_1", "e", 1, fence=3)
    chunk = appended(run_of(head, "r"), b"1")
    head.fence = 4
    assert (chunk.fence, ThreadHead("user_1", "thr_2", "e", 2).fence) == (3, 0)


def test_a_runs_position_is_that_of_its_first_event() -> None:
    head = ThreadHead("user_1", "thr_1", "e", 1, top=7)
    run = run_of(head, "r")
    seal(appended(run, b"1"))
    append(run, b"2")
    assert run.seq == 8


def test_a_commit_is_reported_in_the_order_of_the_events_the_observer_first() -> None:
    head, observer = ThreadHead("user_1", "thr_1", "e", 1), Observer()
    run, told = run_of(head, "r", observer), observer.told
    first = append(run, b"1", lambda: told.append(("r", "first")))
    append(run, b"2", lambda: told.append(("r", "second")))
    append(run, b"3")
    assert first is not None
    seal(first)
    second = append(run, b"4", lambda: told.append(("r", "later")))
    assert second is not None
    assert told == []
    report_commits([first, second])
    assert told == [("r", "committed"), ("r", "first"), ("r", "second"), ("r", "later")]


def test_a_commit_that_nobody_waits_for_is_reported_to_nobody() -> None:
    chunk = appended(run_of(ThreadHead("user_1", "thr_1", "e", 1), "r"), b"1")
    report_commits([chunk])
    assert chunk.on_commit is None


def test_a_run_that_is_rejected_has_ended_and_is_told_once() -> None:
    head, observer = ThreadHead("user_1", "thr_1", "e", 1, fence=1), Observer()
    run = run_of(head, "r", observer)
    chunk = appended(run, b"1")
    reject(run, "key_taken")
    reject(run, "fenced")
    report_commits([chunk])  # it was stored all the same, and the log learned of it too late
    assert (observer.told, run.ended) == ([("r", "key_taken")], True)
    unobserved = run_of(head, "s")
    reject(unobserved, "fenced")
    assert unobserved.ended


def test_the_runs_that_pin_a_thread_are_rejected_with_it() -> None:
    head, observer = ThreadHead("user_1", "thr_1", "e", 1, fence=1), Observer()
    runs = [run_of(head, name, observer) for name in ("a", "b", "c")]
    for run in runs:
        head.pin(run)
    head.unpin(runs[1])
    head.unpin(runs[1])
    assert head.pins == 2
    head.reject_runs("fenced")
    assert observer.told == [("a", "fenced"), ("c", "fenced")]
    assert [run.ended for run in runs] == [True, False, True]


def test_who_is_told_to_go_elsewhere_is_told_where() -> None:
    elsewhere = HeldElsewhere("prc_1")
    assert (elsewhere.process_id, str(elsewhere)) == ("prc_1", "held by prc_1")
