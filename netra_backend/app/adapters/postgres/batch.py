"""One batch of chunks as PostgreSQL's ``append`` takes it: what of each thread, run and key goes into which table.

A batch is stored whole or not at all. What the store will not take is taken out of it, with all that comes after it in its
thread, and the rest is sent again.
"""

# ruff: noqa: S608  # statements are put together from constants alone, and every value is a parameter
from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from ...core import history
from ...core.history import AppendRejection, Chunk, RunRecord, ThreadHead
from ...core.state import StateWrite

APPEND: Final = f"SELECT append({', '.join(f'${n}' for n in range(1, 38))})"
APPEND_WITH_BLOBS: Final = f"""
WITH appended AS MATERIALIZED ({APPEND})  -- once, and first: a blob is stored in a thread that is its owner's by then
INSERT INTO blob (thread_id, owner, ref, media, body)
SELECT b.* FROM appended, unnest($38::text[], $39::text[], $40::text[], $41::text[], $42::bytea[]) AS b
ON CONFLICT (thread_id, ref) DO NOTHING
"""
IS_STORED: Final = """
SELECT EXISTS (SELECT FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[]) AS c (thread_id, seq, fence, run_id)
    JOIN log USING (thread_id, seq, fence, run_id))
"""
REJECTED_STATE: Final = "NTREF"
MOST_BYTES: Final = 8_388_608
"""What one batch weighs at most, unless it is one chunk."""


class Threads(Protocol):
    """What is known of the threads of a batch. Asking changes nothing."""

    def is_kept(self, head: ThreadHead, top: int) -> bool:
        """Whether the thread, in which a run ends and whose last event here is at ``top``, is held further."""

    def owner_of(self, head: ThreadHead) -> str:
        """Its owner, also while it is being deleted."""


class Batch:
    """Chunks on their way, in order. ``leaving`` are the threads that are nobody's once it is stored."""

    def __init__(self, chunks: Sequence[Chunk], threads: Threads) -> None:
        self._threads = threads
        self.chunks = list(chunks)
        self.rejected: list[tuple[Chunk, AppendRejection]] = []
        last = {chunk.head: chunk.last for chunk in chunks}
        ending = {chunk.head for chunk in chunks if chunk.ends}
        self._kept = {head: head not in ending or threads.is_kept(head, top) for head, top in last.items()}
        self.leaving = [head for head, kept in self._kept.items() if not kept]
        self._arrange()

    def _arrange(self) -> None:
        self._born: list[ThreadHead] = []
        self._going: list[ThreadHead] = []
        self._keyed: list[RunRecord] = []
        owner_of = self._threads.owner_of
        firsts: dict[ThreadHead, Chunk] = {}
        lasts: dict[ThreadHead, Chunk] = {}
        begun: dict[RunRecord, list[Any]] = {}
        ended: list[tuple[str, int]] = []
        rows: list[tuple[str, int, int, str, str, int, bytes]] = []
        blobs: list[tuple[str, str, str, str, bytes]] = []
        self.writes: list[tuple[Chunk, StateWrite]] = []
        for chunk in self.chunks:
            head, run, first, count = chunk.head, chunk.run, chunk.first, len(chunk.frames)
            if head not in firsts:
                firsts[head] = chunk
                (self._going if head.stored else self._born).append(head)
            lasts[head] = chunk
            owner = head.owner or owner_of(head)
            payload = b"\n".join(chunk.frames)
            rows.append((head.thread_id, first, count, owner, run.run_id, chunk.fence, payload))
            if chunk.blobs is not None:
                blobs += [(head.thread_id, owner, blob.ref, blob.media, blob.body) for blob in chunk.blobs]
            if chunk.writes is not None:
                self.writes += [(chunk, write) for write in chunk.writes]
            if run.stored:
                if chunk.ends:
                    ended.append((run.run_id, first + count - 1))
                continue
            told = begun.get(run)
            if told is None:
                told = begun[run] = [
                    run.run_id,
                    head.thread_id,
                    owner,
                    run.agent,
                    run.request_id,
                    run.timezone,
                    run.created_ms,
                    first,
                    0,
                ]
                if run.key is not None:
                    self._keyed.append(run)
            if chunk.ends:
                told[-1] = first + count - 1
        kept = self._kept
        self._lasts = lasts
        self._arrays = [
            *_columns(
                7,
                (
                    (
                        head.thread_id,
                        owner_of(head),
                        head.epoch,
                        storable(head.title),
                        firsts[head].run.created_ms,
                        lasts[head].last,
                        kept[head],
                    )
                    for head in self._born
                ),
            ),
            *_columns(
                5,
                (
                    (head.thread_id, firsts[head].fence, firsts[head].first, lasts[head].last, kept[head])
                    for head in self._going
                ),
            ),
            *_columns(
                5,
                (
                    (owner_of(run.head), storable(run.key or ""), run.run_id, run.head.thread_id, run.created_ms)
                    for run in self._keyed
                ),
            ),
            *_columns(9, begun.values()),
            *_columns(2, ended),
            *_columns(7, rows),
        ]
        self.has_blobs = bool(blobs)
        if blobs:
            self._arrays += _columns(5, blobs)

    def settle(self) -> None:
        """Its ``writes`` were judged: their events are those of their outcomes."""
        for chunk, write in self.writes:
            history.settle(chunk, write)
        self._arrange()

    def arguments(self, process_id: str, now_ms: int) -> list[Any]:
        """What ``APPEND`` takes, or ``APPEND_WITH_BLOBS`` if it ``has_blobs``."""
        return [process_id, now_ms, *self._arrays]

    def marks(self) -> list[Any]:
        """What ``IS_STORED`` takes: the newest row of each thread. One that is found says that all of the batch is stored.

        The run is part of it: a hold that a crash of the database undid, or a thread that two processes begin, gives the same
        position under the same fence to another process.
        """
        newest = [(chunk.head.thread_id, chunk.first, chunk.fence, chunk.run.run_id) for chunk in self._lasts.values()]
        return _columns(4, newest)

    def reject(self, detail: str) -> list[ThreadHead]:
        """Take out what the store named in ``detail``, and arrange the rest anew; the heads that can no longer be written."""
        told: dict[str, list[int] | None] = json.loads(detail)
        whole: dict[ThreadHead, AppendRejection] = {}
        for place in told["thread_taken"] or ():
            whole[self._born[place - 1]] = "thread_taken"
        for place in told["fenced"] or ():
            whole[self._going[place - 1]] = "fenced"
        taken = {self._keyed[place - 1] for place in told["key_taken"] or ()}
        left: list[Chunk] = []
        for chunk in self.chunks:
            if chunk.run in taken:
                whole.setdefault(chunk.head, "fenced")
                self.rejected.append((chunk, "key_taken"))
            elif chunk.head in whole:
                self.rejected.append((chunk, whole[chunk.head]))
            else:
                left.append(chunk)
        self.chunks = left
        self._kept |= dict.fromkeys(whole, False)
        self._arrange()
        return list(whole)

    def note_stored(self) -> None:
        """Note in heads and runs that the store has them."""
        for chunk in self.chunks:
            chunk.head.stored = chunk.run.stored = True


def cut(chunks: Sequence[Chunk]) -> int:
    """How many of these chunks may go into one batch: bounded in bytes, and no idempotency key of two runs."""
    size = 0
    keys: dict[tuple[str, str], RunRecord] = {}
    for count, chunk in enumerate(chunks):
        size += chunk.weight
        run = chunk.run
        if run.key is not None and not run.stored and keys.setdefault((run.head.owner, run.key), run) is not run:
            return count
        if count and size > MOST_BYTES:
            return count
    return len(chunks)


def storable(text: str) -> str:
    """``text`` with a sign in the place of each character that PostgreSQL's text cannot hold: NUL, and half a surrogate."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\x00", "\ufffd")


def may_be_an_id(text: str) -> bool:
    """Whether an id of ours may look like this. What is not is nobody's, and is not asked for."""
    return text.isascii() and "\x00" not in text


def _columns(count: int, rows: Iterable[Sequence[Any]]) -> list[Any]:
    columns = list(zip(*rows, strict=True))
    return columns or [()] * count
