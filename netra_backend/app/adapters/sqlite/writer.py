"""The one thread that writes the embedded event log.

It takes whatever has come since its last commit and commits it at once: the batch grows with the load, and when nothing else
waits there is no wait at all. After a failure it commits nothing more.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from ...core.blobs import Blob
from ...core.history import Chunk, ThreadHead
from .changes import Change, erase
from .state import write_state

Work = list[Chunk] | Change | None
"""Chunks to store; a change of the store, in the same order; ``None`` to stop."""

_LOG = "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?)"
_THREAD = "INSERT INTO thread (key, thread_id, owner, epoch, title, created) VALUES (?, ?, ?, ?, ?, ?)"
_HEAD = "INSERT OR REPLACE INTO head VALUES (?, ?, ?, ?)"
_RUN = "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_RUN_END = "UPDATE run SET ended = ? WHERE run_id = ?"
_REQUEST = "INSERT OR REPLACE INTO request VALUES (?, ?, ?, ?)"
_BLOB = "INSERT OR IGNORE INTO blob (thread, ref, media, body) VALUES (?, ?, ?, ?)"


class SqliteWriter:
    """Commits batches of work, in order.

    ``committed(batch)`` and ``failed(error)`` are called in the writer's thread.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        committed: Callable[[list[Chunk], list[Change]], None],
        failed: Callable[[BaseException], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._connection = connection
        self._committed = committed
        self._failed = failed
        self._now_ms = now_ms
        self._queue: SimpleQueue[Work] = SimpleQueue()
        self._row: int = connection.execute("SELECT coalesce(max(id), 0) FROM log").fetchone()[0]
        self._thread = threading.Thread(target=self._loop, name="netra-log-writer", daemon=True)
        self.put = self._queue.put
        self.commits = 0
        self.rows = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Commit what waits, then end the thread and close the connection."""
        self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _loop(self) -> None:
        take, take_now = self._queue.get, self._queue.get_nowait
        stopping = False
        while not stopping:
            work: list[Work] = [take()]
            try:
                while True:
                    work.append(take_now())
            except Empty:
                pass
            stopping = None in work
            if stopping and len(work) == 1:
                return
            try:
                self._commit(work)
            except BaseException as error:
                self._failed(error)
                return

    def _commit(self, work: list[Work]) -> None:
        chunks: list[Chunk] = []
        changes: list[Change] = []
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        pending: list[Chunk] = []
        for item in work:
            if item is None:
                continue
            if isinstance(item, list):
                pending.extend(item)
                chunks.extend(item)
            else:
                self._store(pending)
                pending = []
                item(connection)
                changes.append(item)
        self._store(pending)
        connection.execute("COMMIT")
        self.commits += 1
        self.rows += len(chunks)
        if any(change.erases for change in changes):
            erase(connection)
        self._committed(chunks, changes)

    def _store(self, chunks: list[Chunk]) -> None:
        if not chunks:
            return
        row = self._row
        now_ms = self._now_ms()
        rows: list[tuple[int, int, int, int, str, int, bytes]] = []
        heads: dict[ThreadHead, int] = {}
        threads: list[tuple[int, str, str, str, str, int]] = []
        runs: list[tuple[str, int, str, str, str, int, int, int]] = []
        ends: list[tuple[int, str]] = []
        requests: list[tuple[str, str, str, int]] = []
        blobs: list[tuple[int, Blob]] = []
        for chunk in chunks:
            head, run, first = chunk.head, chunk.run, chunk.first
            last = first + len(chunk.frames) - 1
            if chunk.writes is not None:
                write_state(self._connection, chunk, now_ms)
            row += 1
            rows.append((row, head.key, first, len(chunk.frames), run.run_id, head.row, b"\n".join(chunk.frames)))
            head.row = row
            heads[head] = last
            if not head.stored:
                head.stored = True
                threads.append((head.key, head.thread_id, head.owner, head.epoch, head.title, run.created_ms))
            if not run.stored:
                run.stored = True
                runs.append(
                    (
                        run.run_id,
                        head.key,
                        run.agent,
                        run.request_id,
                        run.timezone,
                        run.created_ms,
                        first,
                        last if chunk.ends else 0,
                    )
                )
                if run.key is not None:
                    requests.append((head.owner, run.key, run.run_id, run.created_ms))
            elif chunk.ends:
                ends.append((last, run.run_id))
            if chunk.blobs is not None:
                blobs += [(head.key, blob) for blob in chunk.blobs]
        self._row = row
        many = self._connection.executemany
        if threads:
            many(_THREAD, threads)
        many(_LOG, rows)
        many(_HEAD, [(head.key, last, head.row, now_ms) for head, last in heads.items()])
        if runs:
            many(_RUN, runs)
        if ends:
            many(_RUN_END, ends)
        if requests:
            many(_REQUEST, requests)
        if blobs:
            many(_BLOB, [(key, blob.ref, blob.media, blob.body) for key, blob in blobs])
