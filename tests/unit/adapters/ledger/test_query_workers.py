import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.adapters.datasets.port import DatasetsChanged
from netra_backend.app.adapters.ledger.query_workers import QueryWorkers
from netra_backend.app.core.errors import ToolError
from test_framework.clock import ManualClock

MODULE = """
import os
def pid(rows, arguments): return os.getpid()
def endless(rows, arguments):
    if "flag" in arguments: open(arguments["flag"]).close()
    while True: pass
def count(rows, arguments):
    return rows.execute("WITH RECURSIVE a AS (SELECT 1 n UNION ALL SELECT n + 1 FROM a) SELECT count(*) FROM a").fetchall()
def die(rows, arguments): os.abort()
def worn(rows, arguments): raise MemoryError
"""
NAMES = ("pid", "endless", "count", "die", "worn")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> AsyncIterator[QueryWorkers]:
    (tmp_path / "asked.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    children = QueryWorkers(clock, {name: f"asked:{name}" for name in NAMES}, ["pid"], limit=2, idle_s=60)
    yield children
    await children.close()


async def ask(
    children: QueryWorkers,
    owner: str,
    question: str = "pid",
    within_s: float = 60,
    cpu_s: int = 60,
    version: str = "first",
    sources: Sequence[Mapping[str, Any]] = (),
    **arguments: Any,
) -> Any:
    @asynccontextmanager
    async def opening() -> AsyncIterator[Mapping[str, Any]]:
        questions = {name: f"asked:{name}" for name in NAMES}
        yield {
            "open": {
                "owner": owner,
                "sources": sources,
                "secrets": [],
                "limits": {"question_memory_bytes": 256 << 20},
                "questions": questions,
            }
        }

    asked = {"question": question, "arguments": arguments, "cpu_s": cpu_s}
    return await children.ask(owner, version, opening, asked, within_s)


async def test_an_owner_keeps_one_child_and_owners_share_none(children: QueryWorkers) -> None:
    first = await ask(children, "alice")
    assert await ask(children, "alice") == first
    assert await ask(children, "bob") != first


async def test_a_child_that_has_other_data_open_answers_no_more(children: QueryWorkers) -> None:
    first = await ask(children, "alice")
    children.retire_unless("alice", "first")
    assert await ask(children, "alice") == first
    second = await ask(children, "alice", version="second")
    assert second != first
    children.retire_unless("alice", "third")
    assert children.pids == {}


async def test_files_that_are_there_no_more_are_told_and_the_child_is_not_kept(
    children: QueryWorkers, tmp_path: Path
) -> None:
    absent = {"path": str(tmp_path / "absent.duckdb"), "row": []}
    with pytest.raises(DatasetsChanged):
        await ask(children, "alice", sources=[absent])
    assert children.pids == {}
    assert await ask(children, "alice")


async def test_a_child_that_dies_over_its_files_is_told(
    children: QueryWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ToolError) as caught:
        await ask(children, "alice", sources=[{"no": "source"}])
    assert caught.value.code == "RESULT_TOO_LARGE"
    assert children.pids == {}


async def test_opening_that_takes_too_long_is_stopped(children: QueryWorkers, tmp_path: Path) -> None:
    endless = tmp_path / "endless.duckdb"
    os.mkfifo(endless)
    with pytest.raises(ToolError) as caught:
        await ask(children, "alice", sources=[{"path": str(endless), "row": []}], within_s=0.2)
    assert caught.value.code == "QUERY_TIMEOUT"
    assert children.pids == {}


async def test_the_child_that_stood_by_takes_the_first_question(children: QueryWorkers) -> None:
    await children.stand_by()
    await children.stand_by()
    spare = children._spare
    assert spare is not None
    assert await ask(children, "alice") == spare.pid
    assert children._spare is not spare


async def test_the_one_that_was_asked_the_longest_ago_makes_room(children: QueryWorkers) -> None:
    await ask(children, "alice")
    await ask(children, "bob")
    await ask(children, "alice")
    await ask(children, "carol")
    assert set(children.pids) == {"alice", "carol"}


async def test_more_owners_than_children_are_answered_one_after_the_other(children: QueryWorkers) -> None:
    answers = await asyncio.gather(*(ask(children, f"user_{n}") for n in range(6)))
    assert len(set(answers)) == 6
    assert len(children.pids) <= 2


async def test_children_that_nobody_asks_are_ended(children: QueryWorkers, clock: ManualClock) -> None:
    await ask(children, "alice")
    clock.advance(s=40)
    await ask(children, "bob")
    clock.advance(s=30)
    children.retire_idle()
    assert set(children.pids) == {"bob"}


async def test_a_question_that_takes_too_long_is_stopped_and_the_next_is_answered(children: QueryWorkers) -> None:
    first = await ask(children, "alice")
    with pytest.raises(ToolError) as caught:
        await ask(children, "alice", "endless", within_s=0.2)
    assert caught.value.code == "QUERY_TIMEOUT"
    assert await ask(children, "alice") != first


async def test_a_question_that_computes_too_long_is_stopped(children: QueryWorkers) -> None:
    with pytest.raises(ToolError) as caught:
        await ask(children, "alice", "count", cpu_s=1)
    assert caught.value.code == "QUERY_TIMEOUT"


async def test_with_the_task_that_asked_the_child_ends(children: QueryWorkers, tmp_path: Path) -> None:
    flag = tmp_path / "flag.py"  # beside the questions, where a child may read code
    os.mkfifo(flag)
    first = await ask(children, "alice")
    task = asyncio.create_task(ask(children, "alice", "endless", flag=str(flag)))
    await asyncio.to_thread(flag.write_bytes, b"")  # ends when the child has opened it
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children.pids == {}
    assert await ask(children, "alice") != first


async def test_a_child_that_dies_is_told_and_replaced(children: QueryWorkers) -> None:
    with pytest.raises(ToolError) as caught:
        await ask(children, "alice", "die")
    assert caught.value.code == "RESULT_TOO_LARGE"
    assert await ask(children, "alice")


async def test_a_worn_child_is_used_no_more(children: QueryWorkers) -> None:
    first = await ask(children, "alice")
    with pytest.raises(ToolError):
        await ask(children, "alice", "worn")
    assert await ask(children, "alice") != first


async def test_a_child_that_was_killed_while_it_stood_by_is_not_used(children: QueryWorkers) -> None:
    await children.stand_by()
    assert children._spare is not None
    children._spare.kill()
    await children._spare.ended()
    assert await ask(children, "alice")


async def test_nothing_stands_by_after_the_end(children: QueryWorkers) -> None:
    await children.close()
    await children.stand_by()
    assert children._spare is None
