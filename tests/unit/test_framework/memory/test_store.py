"""The store of the in-memory log: what outlives a log, who may write, and backups. Its promises: ``tests/contract``."""

from __future__ import annotations

import pytest

from netra_backend.app.core.history import Chunk, RunRecord, ThreadHead
from test_framework.memory.store import Deletion, Expiry, FencedOff, MemoryStore, Rename


def chunk(head: ThreadHead, *frames: bytes, key: str | None = None) -> Chunk:
    made = Chunk(RunRecord(head, f"run_{head.top + 1}", "req_1", "a", key, "UTC", 5), head.top + 1)
    made.frames.extend(frames)
    head.top += len(frames)
    return made


def test_only_the_newest_fence_may_commit() -> None:
    store = MemoryStore()
    old, new = store.take_fence(), store.take_fence()
    head = ThreadHead("user_1", "thr_1", "e", 0)
    with pytest.raises(FencedOff):
        store.commit(old, [chunk(head, b"1")], 0)
    assert store.threads == {}
    store.commit(new, [chunk(ThreadHead("user_1", "thr_1", "e", 0), b"1")], 0)
    assert store.threads["thr_1"].top == 1


def test_a_backup_is_independent_of_its_store() -> None:
    store = MemoryStore()
    fence = store.take_fence()
    head = ThreadHead("user_1", "thr_1", "e", 0)
    store.commit(fence, [chunk(head, b"1", key="k")], 0)
    backup = store.copy()
    store.commit(fence, [chunk(head, b"2", b"3"), Rename("thr_1", "t"), Rename("thr_2", "t")], 9)
    assert (backup.threads["thr_1"].top, backup.threads["thr_1"].title, list(backup.runs)) == (1, "", ["run_1"])
    assert (store.threads["thr_1"].top, store.threads["thr_1"].title, store.threads["thr_1"].updated_ms) == (3, "t", 9)
    store.commit(fence, [Deletion(["thr_1", "thr_2"])], 9)
    assert (store.runs, store.requests, list(store.threads)) == ({}, {}, ["thr_1"])
    assert list(backup.threads["thr_1"].frames(0, 9)) == [b"1"]


def test_a_history_whose_beginning_was_cut_off_gives_what_is_left() -> None:
    store = MemoryStore()
    head = ThreadHead("user_1", "thr_1", "e", 0)
    store.commit(store.take_fence(), [chunk(head, b"1", b"2", b"3")], 0)
    thread = store.threads["thr_1"]
    thread.oldest, thread.rows = 3, thread.rows[2:]
    assert (thread.top, list(thread.frames(0, 9)), list(thread.frames(2, 3)), list(thread.frames(3, 9))) == (
        3,
        [b"3"],
        [b"3"],
        [],
    )
    found = store.head("thr_1")
    assert found is not None
    assert (found.top, found.durable, found.oldest) == (3, 3, 3)
    assert store.head("thr_2") is None


def test_an_expiry_takes_the_keys_that_are_old_still() -> None:
    store = MemoryStore()
    store.requests = {("user_a", "k1"): ("run_1", 5), ("user_a", "k2"): ("run_2", 6), ("user_b", "k1"): ("run_3", 5)}
    assert store.requests_after(("user_a", "k1"), 1) == [("user_a", "k2", 6)]
    store.commit(store.take_fence(), [Expiry([("user_a", "k1"), ("user_a", "k2"), ("user_c", "k1")], 6)], 9)
    assert list(store.requests) == [("user_a", "k2"), ("user_b", "k1")]
