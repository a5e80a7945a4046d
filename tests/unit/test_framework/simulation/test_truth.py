"""The truth: what was committed and done, and the contradictions in it."""

from __future__ import annotations

from netra_backend.app.core.history import Chunk, RunRecord, ThreadHead
from test_framework.simulation.truth import RecordedStore, Truth


def chunk(first: int, *frames: bytes, owner: str = "user_1") -> Chunk:
    made = Chunk(RunRecord(ThreadHead(owner, "thr_1", "e1", 0), "run_1", "req_1", "a", None, "UTC", 0), first)
    made.frames.extend(frames)
    return made


def test_an_effect_is_allowed_once_in_an_era() -> None:
    truth = Truth()
    truth.acted("run_1", 3)
    truth.acted("run_1", 4)
    truth.era += 1
    truth.acted("run_1", 3)
    assert truth.broken == []
    truth.acted("run_1", 3)
    assert truth.broken == ["tools: step 3 of run_1 acted twice"]


def test_every_commit_is_noted_and_two_events_in_one_place_are_a_fault() -> None:
    truth = Truth()
    store = RecordedStore(truth)
    fence = store.take_fence()
    empty = truth.digest
    store.commit(fence, [chunk(1, b"a", b"b")], 0)
    assert truth.histories == {("thr_1", "e1"): {1: b"a", 2: b"b"}}
    assert truth.digest != empty
    store.commit(fence, [chunk(2, b"b")], 0)
    assert truth.broken == []
    store.commit(fence, [chunk(2, b"other")], 0)
    assert truth.broken == ["bytes: thr_1 has two events at 2"]


def test_a_thread_that_changes_hands_is_a_fault() -> None:
    truth = Truth()
    truth.committed("thr_1", "user_1", "e1", 1, [b"a"])
    truth.committed("thr_1", "user_2", "e2", 1, [b"b"])
    assert truth.broken == ["owners: thr_1 of user_1 was given to user_2"]


def test_a_restored_backup_begins_an_era_with_other_epochs() -> None:
    truth = Truth()
    store = RecordedStore(truth)
    fence = store.take_fence()
    store.commit(fence, [chunk(1, b"a")], 0)
    backup = store.copy()
    store.commit(fence, [chunk(2, b"b")], 0)
    store.restore(backup, ["e2"])
    assert (truth.era, truth.owners, store.threads["thr_1"].epoch, store.threads["thr_1"].top) == (
        1,
        {"thr_1": "user_1"},
        "e2",
        1,
    )
    store.commit(fence, [chunk(2, b"another b")], 0)
    assert truth.histories == {("thr_1", "e1"): {1: b"a", 2: b"b"}, ("thr_1", "e2"): {1: b"a", 2: b"another b"}}
    assert truth.broken == []


def test_the_list_of_faults_is_bounded() -> None:
    truth = Truth()
    for number in range(1000):
        truth.broke(str(number))
    assert len(truth.broken) == 50
