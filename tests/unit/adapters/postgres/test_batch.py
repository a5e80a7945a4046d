"""What a batch hands to PostgreSQL, and what is left of it after a refusal."""

from __future__ import annotations

import json

import pytest

from netra_backend.app.adapters.postgres import batch as postgres_batch
from netra_backend.app.adapters.postgres.batch import APPEND, Batch, cut, may_be_an_id, storable
from netra_backend.app.core import history
from netra_backend.app.core.history import Chunk, RunRecord, ThreadHead


class Threads:
    """Keeps no thread in which a run ends, and says so once for each."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def is_kept(self, head: ThreadHead, top: int) -> bool:
        self.asked.append((head.thread_id, top))
        return False

    def owner_of(self, head: ThreadHead) -> str:
        return head.owner or "user_gone"


def a_head(name: str, *, stored: bool = False, top: int = 0) -> ThreadHead:
    head = ThreadHead("user_ada", name, "epoch", 0, top=top, title="t", fence=3)
    head.stored = stored
    return head


def a_chunk(head: ThreadHead, run_id: str = "run_1", *, key: str | None = None, ends: bool = False) -> Chunk:
    return chunk_of(RunRecord(head, run_id, "req_1", "golden", key, "UTC", 7), ends=ends)


def chunk_of(run: RunRecord, *, ends: bool = False) -> Chunk:
    chunk = history.append(run, b"{}")
    assert chunk is not None
    history.append(run, b"[]")
    history.seal(chunk)
    chunk.ends = ends
    return chunk


def sent(batch: Batch) -> dict[str, list[tuple[object, ...]]]:
    """The arguments of ``append`` by what they are."""
    arguments = batch.arguments("prc_1", 99)
    assert len(arguments) == APPEND.count("$")
    assert arguments[:2] == ["prc_1", 99]
    told, start = {}, 2
    for name, count in (("born", 7), ("head", 5), ("keyed", 5), ("begun", 9), ("ended", 2), ("row", 7)):
        told[name] = list(zip(*arguments[start : start + count], strict=True))
        start += count
    return told


def test_a_run_that_begins_and_ends_in_a_new_thread_is_one_row_of_each() -> None:
    threads = Threads()
    chunk = a_chunk(a_head("thr_1"), key="k", ends=True)
    batch = Batch([chunk], threads)
    told = sent(batch)
    assert told == {
        "born": [("thr_1", "user_ada", "epoch", "t", 7, 2, False)],
        "head": [],
        "keyed": [("user_ada", "k", "run_1", "thr_1", 7)],
        "begun": [("run_1", "thr_1", "user_ada", "golden", "req_1", "UTC", 7, 1, 2)],
        "ended": [],
        "row": [("thr_1", 1, 2, "user_ada", "run_1", 3, b"{}\n[]")],
    }
    assert threads.asked == [("thr_1", 2)]
    assert batch.leaving == [chunk.head]
    assert chunk.head.fence == 3  # to ask changes nothing


def test_chunks_of_one_stored_thread_advance_it_once() -> None:
    head = a_head("thr_1", stored=True, top=4)
    first = a_chunk(head)
    first.run.stored = True
    told = sent(Batch([first, a_chunk(head, "run_2"), chunk_of(first.run, ends=True)], Threads()))
    assert told["head"] == [("thr_1", 3, 5, 10, False)]
    assert told["ended"] == [("run_1", 10)]
    assert [row[:3] for row in told["row"]] == [("thr_1", 5, 2), ("thr_1", 7, 2), ("thr_1", 9, 2)]
    assert [row[0] for row in told["begun"]] == ["run_2"]


def test_a_thread_that_is_being_deleted_is_written_as_its_owners() -> None:
    chunk = a_chunk(a_head("thr_1"))
    chunk.head.owner = ""
    told = sent(Batch([chunk], Threads()))
    assert (told["born"][0][1], told["begun"][0][2], told["row"][0][3]) == ("user_gone", "user_gone", "user_gone")


def test_what_the_store_names_is_taken_out_with_all_that_depends_on_it() -> None:
    taken, fenced, good = a_head("thr_1"), a_head("thr_2", stored=True), a_head("thr_3", stored=True)
    keyed = a_chunk(good, "run_k", key="k")
    before, after = a_chunk(a_head("thr_4"), "run_a"), None
    second = a_chunk(before.head, "run_b", key="k2")
    after = chunk_of(before.run)
    chunks = [a_chunk(taken), a_chunk(fenced), before, keyed, second, after]
    batch = Batch(chunks, Threads())
    detail = {"thread_taken": [1], "fenced": [1], "key_taken": [2]}
    heads = batch.reject(json.dumps(detail))
    assert set(heads) == {taken, fenced, before.head}
    assert batch.chunks == [before, keyed]
    assert [(chunk, why) for chunk, why in batch.rejected] == [
        (chunks[0], "thread_taken"),
        (chunks[1], "fenced"),
        (second, "key_taken"),
        (after, "fenced"),
    ]
    told = sent(batch)
    assert told["born"] == [("thr_4", "user_ada", "epoch", "t", 7, 2, False)]  # and it is let go of
    assert [row[0] for row in told["head"]] == ["thr_3"]
    batch.note_stored()
    assert (keyed.run.stored, good.stored, second.run.stored, fenced.stored) == (True, True, False, True)


def test_the_newest_row_of_each_thread_tells_whether_a_batch_is_stored() -> None:
    one, two = a_head("thr_1"), a_head("thr_2")
    batch = Batch([a_chunk(one), a_chunk(two), a_chunk(one, "run_2")], Threads())
    assert batch.marks() == [("thr_1", "thr_2"), (3, 1), (3, 3), ("run_2", "run_1")]


def test_a_batch_is_cut_where_it_grows_too_heavy_or_has_a_key_of_two_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = [a_chunk(a_head(f"thr_{n}"), f"run_{n}") for n in range(4)]
    assert cut(chunks) == 4
    chunks[1].run.key = chunks[3].run.key = "k"
    assert cut(chunks) == 3
    monkeypatch.setattr(postgres_batch, "MOST_BYTES", 1)
    assert cut(chunks) == 1


@pytest.mark.parametrize(
    ("text", "kept"), [("plain", "plain"), ("a\x00b", "a\ufffdb"), ("é\ud800", "é?"), ("Grüße 👋", "Grüße 👋")]
)
def test_a_text_is_stored_with_a_sign_for_what_postgres_cannot_hold(text: str, kept: str) -> None:
    assert storable(text) == kept


def test_what_cannot_be_an_id_is_known_without_asking() -> None:
    assert [may_be_an_id(text) for text in ("thr_1", "thr_\x00", "thr_é", "thr_\ud800")] == [True, False, False, False]
