"""The appending task over a database that does as it is told. Over a real one: ``tests/integration/adapters``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from netra_backend.app.adapters.postgres import writer as postgres_writer
from netra_backend.app.adapters.postgres.batch import REJECTED_STATE
from netra_backend.app.adapters.postgres.changes import Rename
from netra_backend.app.adapters.postgres.writer import PostgresWriter
from netra_backend.app.core import history
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.history import AppendRejection, Chunk, RunRecord, ThreadHead


class NotAllOfIt(asyncpg.PostgresError):  # type: ignore[misc]  # asyncpg has no types
    """What ``append`` raises. Its state is set on the instance: asyncpg registers every subclass that has one, for the whole
    process, and would make this class out of what a real server says."""

    def __init__(self, **places: list[int]) -> None:
        super().__init__("not all of it may be stored")
        self.sqlstate = REJECTED_STATE
        self.detail = json.dumps({"thread_taken": None, "fenced": None, "key_taken": None} | places)


class Database:
    """Both a connection and its prepared statement. ``says`` is what the next calls raise, in order; ``stored`` what it has."""

    def __init__(self, *says: BaseException | None) -> None:
        self.says = list(says)
        self.stored = False
        self.sent: list[int] = []
        self.did: list[str] = []
        self.connections = 0

    async def connect(self) -> Database:
        self.connections += 1
        return self

    async def prepare(self, _: str) -> Database:
        return self

    async def fetchval(self, *arguments: Any) -> bool | None:
        if isinstance(arguments[0], str) and "EXISTS" in arguments[0]:
            return self.stored
        self.sent.append(len(arguments[-1]))
        self.did.append("append")
        await asyncio.sleep(0)
        fault = self.says.pop(0) if self.says else None
        if fault is not None:
            raise fault
        return None

    async def execute(self, *_: Any) -> None:
        self.did.append("change")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield

    def terminate(self) -> None:
        self.did.append("terminate")


class Log:
    """Keeps a text of each user."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.left: list[str] = []
        self.something = asyncio.Event()

    def is_kept(self, head: ThreadHead, top: int) -> bool:
        return False

    def let_go(self, heads: Sequence[ThreadHead]) -> None:
        self.left += [head.thread_id for head in heads]

    def owner_of(self, head: ThreadHead) -> str:
        return head.owner

    def _tell(self, what: str, of: Any) -> None:
        self.told.append((what, of))
        self.something.set()

    def on_stored(self, chunks: list[Chunk], changes: Sequence[Any]) -> None:
        self._tell("stored", [chunk.run.run_id for chunk in chunks] + list(changes))

    def on_rejected(self, chunks: list[tuple[Chunk, AppendRejection]], heads: list[ThreadHead]) -> None:
        self._tell("rejected", [(chunk.run.run_id, why) for chunk, why in chunks])

    def change_failed(self, change: Any, fault: Exception) -> None:
        self._tell("change_failed", type(fault))

    def broken(self, fault: BaseException) -> None:
        self._tell("broken", type(fault))

    async def hears(self, count: int) -> list[tuple[str, Any]]:
        """The first so many things it is told."""
        while len(self.told) < count:
            self.something.clear()
            await self.something.wait()
        return self.told[:count]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_writer, "_FIRST_WAIT_S", 0.0)


Open = Callable[[Database], PostgresWriter]


@pytest.fixture
async def log() -> Log:
    return Log()


@pytest.fixture
async def opened(log: Log) -> AsyncIterator[Open]:
    writers: list[PostgresWriter] = []

    def make(database: Database) -> PostgresWriter:
        writers.append(PostgresWriter(database.connect, "prc_1", lambda: 0, log, answer_s=60.0))
        return writers[-1]

    yield make
    for writer in writers:
        await writer.stop(1.0)


def a_chunk(run_id: str, head: ThreadHead | None = None) -> Chunk:
    run = RunRecord(
        head or ThreadHead("user_ada", f"thr_{run_id}", "e", 0, fence=1), run_id, "req", "a", None, "UTC", 0
    )
    chunk = history.append(run, b"{}")
    assert chunk is not None
    history.seal(chunk)
    return chunk


async def test_what_comes_while_a_batch_is_under_way_goes_with_the_next(log: Log, opened: Open) -> None:
    writer = opened(database := Database())
    writer.put([a_chunk("run_1")])
    while not database.sent:  # noqa: ASYNC110  # the writer's own steps
        await asyncio.sleep(0)
    writer.put([a_chunk("run_2")])
    writer.put([a_chunk("run_3")])
    assert await log.hears(2) == [("stored", ["run_1"]), ("stored", ["run_2", "run_3"])]
    assert (database.sent, database.connections, writer.commits, writer.rows, writer.waiting_bytes) == (
        [1, 2],
        1,
        2,
        3,
        0,
    )


async def test_a_change_is_made_after_what_was_put_before_it_and_before_what_comes_after(
    log: Log, opened: Open
) -> None:
    writer, change = opened(database := Database()), Rename("thr_1", "t")
    writer.put([a_chunk("run_1")])
    writer.put(change)
    writer.put([a_chunk("run_2")])
    assert await log.hears(3) == [("stored", ["run_1"]), ("stored", [change]), ("stored", ["run_2"])]
    assert database.did == ["append", "change", "append"]


async def test_a_batch_without_an_answer_is_sent_again_unless_it_is_found(log: Log, opened: Open) -> None:
    writer = opened(database := Database(ConnectionResetError(), TimeoutError()))
    writer.put([a_chunk("run_1")])
    assert await log.hears(1) == [("stored", ["run_1"])]
    assert database.sent == [1, 1, 1]
    database.says, database.stored = [ConnectionResetError()], True
    writer.put([a_chunk("run_2")])
    assert await log.hears(2) == [("stored", ["run_1"]), ("stored", ["run_2"])]
    assert (database.sent, database.connections) == ([1] * 4, 4)


async def test_a_batch_that_the_driver_never_answers_is_looked_for_over_another_connection(
    log: Log, opened: Open
) -> None:
    class Silent(Database):
        async def fetchval(self, *arguments: Any) -> bool | None:
            if self.connections == 1:
                writer.answer_s = 60.0  # of what comes after this
                await asyncio.Event().wait()
            return await super().fetchval(*arguments)

    writer = opened(database := Silent())
    writer.answer_s = 0.0
    writer.put([a_chunk("run_1")])
    assert await log.hears(1) == [("stored", ["run_1"])]
    assert (database.sent, database.connections) == ([1], 2)


def test_no_class_of_these_tests_takes_the_place_of_what_the_driver_raises() -> None:
    assert asyncpg.PostgresError.new({"C": REJECTED_STATE, "M": "of a real server"}).args == ("of a real server",)


async def test_threads_that_a_batch_leaves_to_nobody_are_let_go_of_before_it_is_sent(log: Log, opened: Open) -> None:
    class Watched(Database):
        async def fetchval(self, *arguments: Any) -> bool | None:
            left_when_sent.append(list(log.left))
            return await super().fetchval(*arguments)

    left_when_sent: list[list[str]] = []
    writer = opened(Watched())
    going, ending = a_chunk("run_1"), a_chunk("run_2")
    ending.ends = True
    writer.put([going, ending])
    await log.hears(1)
    assert left_when_sent == [["thr_run_2"]]


async def test_what_is_refused_is_taken_out_and_the_rest_is_sent_again(log: Log, opened: Open) -> None:
    writer = opened(database := Database(NotAllOfIt(thread_taken=[1])))
    writer.put([a_chunk("run_1"), a_chunk("run_2")])
    assert await log.hears(2) == [("stored", ["run_2"]), ("rejected", [("run_1", "thread_taken")])]
    assert database.sent == [2, 1]


async def test_a_refusal_after_a_lost_answer_counts_only_where_nothing_is_found(log: Log, opened: Open) -> None:
    writer = opened(Database(ConnectionResetError(), NotAllOfIt(thread_taken=[1])))
    writer.put([a_chunk("run_1")])
    assert await log.hears(1) == [("rejected", [("run_1", "thread_taken")])]

    class FoundLate(Database):
        async def fetchval(self, *arguments: Any) -> bool | None:
            self.stored = len(self.sent) > 1
            return await super().fetchval(*arguments)

    writer = opened(FoundLate(ConnectionResetError(), NotAllOfIt(thread_taken=[1])))
    writer.put([a_chunk("run_2")])
    assert (await log.hears(2))[1] == ("stored", ["run_2"])


async def test_neighbours_and_a_full_database_make_it_try_again_on_the_same_connection(log: Log, opened: Open) -> None:
    troubles = asyncpg.DeadlockDetectedError("x"), asyncpg.DiskFullError("x"), asyncpg.LockNotAvailableError("x")
    writer = opened(database := Database(*troubles))
    writer.put([a_chunk("run_1")])
    assert await log.hears(1) == [("stored", ["run_1"])]
    assert (database.sent, database.connections) == ([1] * 4, 1)


async def test_what_the_database_will_never_take_breaks_the_log_once(log: Log, opened: Open) -> None:
    writer = opened(database := Database(asyncpg.InsufficientPrivilegeError("no")))
    writer.put([a_chunk("run_1")])
    assert await log.hears(1) == [("broken", asyncpg.InsufficientPrivilegeError)]
    await writer.stop(1.0)
    assert len(log.told) == 1
    assert database.did == ["append", "terminate"]


async def test_while_the_database_is_lost_changes_are_refused_those_that_wait_and_those_that_come(
    log: Log, opened: Open
) -> None:
    class Away(Database):
        async def connect(self) -> Database:
            raise ConnectionRefusedError

    writer = opened(Away())
    writer.put([a_chunk("run_1")])
    writer.put(Rename("thr_1", "t"))
    await log.hears(1)
    assert writer.lost
    writer.put(Rename("thr_1", "t"))
    assert log.told == [("change_failed", DependencyUnavailable)] * 2
    assert writer.waiting_bytes > 0


async def test_a_writer_that_stops_stores_what_waits_but_does_not_wait_for_ever(log: Log, opened: Open) -> None:
    writer = opened(Database())
    writer.put([a_chunk("run_1")])
    await writer.stop(1.0)
    assert log.told == [("stored", ["run_1"])]
    stuck = opened(Database(*[ConnectionResetError()] * 1000))
    stuck.put([a_chunk("run_2")])
    await stuck.stop(0.0)
    assert log.told == [("stored", ["run_1"])]
