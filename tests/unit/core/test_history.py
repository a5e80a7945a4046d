"""Histories: positions without holes, given out from memory, and chunks that are committed together."""

from __future__ import annotations

from netra_backend.app.core.history import Chunk, HeldElsewhere, Refused, RunRecord, ThreadHead, append, refuse, seal


def run_of(head: ThreadHead, name: str) -> RunRecord:
    return RunRecord(head, name, f"req_{name}", "a", None, "UTC", 0)


def appended(run: RunRecord, frame: bytes) -> Chunk:
    chunk = append(run, frame)
    assert chunk is not None
    return chunk


def test_a_new_thread_is_empty_and_not_stored() -> None:
    head = ThreadHead("user_1", "thr_1", "e", 1)
    assert (head.top, head.durable, head.oldest, head.stored, head.lines) == (0, 0, 1, False, [])


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


def test_a_run_that_is_refused_has_ended_and_hears_of_it_once() -> None:
    head = ThreadHead("user_1", "thr_1", "e", 1, fence=1)
    run, heard = run_of(head, "r"), list[Refused]()
    first = appended(run, b"1")
    seal(first)
    second = appended(run, b"2")
    run.refused = heard.append
    refuse(first, "key_taken")
    refuse(second, "fenced")
    assert (heard, run.ended) == (["key_taken"], True)


def test_who_is_told_to_go_elsewhere_is_told_where() -> None:
    elsewhere = HeldElsewhere("prc_1")
    assert (elsewhere.process_id, str(elsewhere)) == ("prc_1", "held by prc_1")
