import asyncio
import gzip
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.adapters.ledger import import_process
from netra_backend.app.adapters.ledger.ledger import DuckDBLedger
from netra_backend.app.core.errors import DependencyUnavailable, InvalidContextError, QueryRejected, ToolError
from netra_backend.app.core.limits import Limits
from netra_backend.app.usage.questions import QUESTIONS
from test_framework.clock import ManualClock, SeededEntropy

ROW = {"timestamp": "2026-11-01T10:00:00Z", "model": "m", "input_tokens": 10, "output_tokens": 1}
PLAIN = {name: QUESTIONS[name] for name in ("data_profile", "database_query", "raw_sql")}


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[DuckDBLedger]:
    ledger = DuckDBLedger(tmp_path / "ledger", ManualClock(), SeededEntropy(1), questions=PLAIN)
    await ledger.start()
    yield ledger
    await ledger.close()


def written(folder: Path, *rows: dict[str, Any], name: str = "usage.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def silent(done: int, total: int) -> None:
    """Nobody watches."""


def left_in(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file() and ".locks" not in path.parts)


async def test_what_is_imported_is_answered_from(ledger: DuckDBLedger, tmp_path: Path) -> None:
    assert (await ledger.ask("alice", "data_profile", {}))["rows"] == 0
    told = await ledger.import_usage("alice", written(tmp_path, ROW, ROW), {}, silent)
    assert (told["accepted"], told["already_imported"], told["name"]) == (2, False, "usage.jsonl")
    assert (await ledger.ask("alice", "data_profile", {}))["rows"] == 2
    assert await ledger.ask("alice", "database_query", {"metrics": ["input_tokens"]}) == {
        "columns": ["input_tokens"],
        "rows": [[20]],
        "truncated": False,
        "timezone": "UTC",
    }


async def test_what_is_kept_can_be_read_by_its_user_alone(ledger: DuckDBLedger, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        await ledger.import_usage("alice", written(tmp_path, ROW), {}, silent)
    finally:
        os.umask(before)
    kept = [tmp_path / "ledger", *(tmp_path / "ledger").rglob("*")]
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in kept[1:]}
    assert modes == {path.name: "0o700" if path.is_dir() else "0o600" for path in kept[1:]}
    assert {"rows.duckdb", "dataset.json"} <= modes.keys()


async def test_an_import_that_writes_more_than_it_may_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    limits = Limits(import_file_bytes=4_096)
    ledger = DuckDBLedger(tmp_path / "ledger", ManualClock(), SeededEntropy(1), limits, questions=PLAIN)
    with pytest.raises(ToolError) as caught:
        await ledger.import_usage("alice", written(tmp_path, ROW), {}, silent)
    assert (caught.value.code, "larger" in caught.value.message) == ("BAD_ROWS", True)
    assert left_in(tmp_path / "ledger") == []
    await ledger.close()


async def test_datasets_of_an_owner_add_up_and_one_can_be_deleted(ledger: DuckDBLedger, tmp_path: Path) -> None:
    first = await ledger.import_usage("alice", written(tmp_path, ROW), {"name": "first"}, silent)
    await ledger.import_usage("alice", written(tmp_path, ROW, ROW), {"name": "second"}, silent)
    assert sorted(dataset["name"] for dataset in await ledger.datasets("alice")) == ["first", "second"]
    assert (await ledger.ask("alice", "data_profile", {}))["rows"] == 3
    assert await ledger.delete_dataset("alice", first["dataset_id"]) is True
    assert await ledger.delete_dataset("alice", first["dataset_id"]) is False
    assert (await ledger.ask("alice", "data_profile", {}))["rows"] == 2


async def test_one_owners_rows_are_not_anothers(ledger: DuckDBLedger, tmp_path: Path) -> None:
    told = await ledger.import_usage("alice", written(tmp_path, ROW), {}, silent)
    assert (await ledger.ask("bob", "data_profile", {}))["rows"] == 0
    assert await ledger.datasets("bob") == []
    assert await ledger.delete_dataset("bob", told["dataset_id"]) is False
    await ledger.delete_owner("bob")
    assert (await ledger.ask("alice", "data_profile", {}))["rows"] == 1


async def test_each_owner_with_data_has_a_child_process_of_its_own(ledger: DuckDBLedger, tmp_path: Path) -> None:
    for owner in ("alice", "bob"):
        await ledger.import_usage(owner, written(tmp_path, ROW), {}, silent)
        await ledger.ask(owner, "data_profile", {})
    assert ledger.children.pids["alice"] != ledger.children.pids["bob"]


async def test_no_process_is_needed_to_say_that_there_is_no_data(ledger: DuckDBLedger) -> None:
    profile = await ledger.ask("alice", "data_profile", {})
    assert profile["rows"] == 0
    assert "alice" not in ledger.children.pids


async def test_the_same_file_twice_is_one_dataset(ledger: DuckDBLedger, tmp_path: Path) -> None:
    first = await ledger.import_usage("alice", written(tmp_path, ROW), {}, silent)
    again = await ledger.import_usage("alice", written(tmp_path, ROW, name="copy.jsonl"), {}, silent)
    assert again == {**first, "already_imported": True}
    others = await ledger.import_usage("bob", written(tmp_path, ROW), {}, silent)
    assert others["already_imported"] is False
    assert len(await ledger.datasets("alice")) == 1


@pytest.fixture
async def beside(tmp_path: Path) -> AsyncIterator[DuckDBLedger]:
    """A ledger over the same directory, as another process of the same server has one."""
    ledger = DuckDBLedger(tmp_path / "ledger", ManualClock(), SeededEntropy(2), questions=PLAIN)
    await ledger.start()
    yield ledger
    await ledger.close()


async def test_what_another_process_imports_or_deletes_is_seen_by_the_next_question(
    ledger: DuckDBLedger, beside: DuckDBLedger, tmp_path: Path
) -> None:
    first = await ledger.import_usage("alice", written(tmp_path, ROW), {}, silent)
    assert (await ledger.ask("alice", "data_profile", {}))["rows"] == 1
    await beside.import_usage("alice", written(tmp_path, ROW, ROW), {}, silent)
    assert (await ledger.ask("alice", "data_profile", {}))["rows"] == 3
    await beside.delete_dataset("alice", first["dataset_id"])
    assert (await ledger.ask("alice", "data_profile", {}))["rows"] == 2
    await beside.delete_owner("alice")
    assert (await ledger.ask("alice", "data_profile", {}))["rows"] == 0


async def test_the_same_file_in_two_processes_at_once_is_one_dataset(
    ledger: DuckDBLedger, beside: DuckDBLedger, tmp_path: Path
) -> None:
    path = written(tmp_path, *[ROW] * 50)
    told = await asyncio.gather(*(each.import_usage("alice", path, {}, silent) for each in (ledger, beside)))
    assert sorted(each["already_imported"] for each in told) == [False, True]
    assert told[0]["dataset_id"] == told[1]["dataset_id"]
    assert len(await ledger.datasets("alice")) == 1


async def test_an_import_elsewhere_comes_to_nothing_where_its_owner_is_deleted_meanwhile(
    ledger: DuckDBLedger, beside: DuckDBLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = import_process.perform

    async def imported_and_then_deleted(*given: Any) -> dict[str, Any]:
        told = await imported(*given)
        await ledger.delete_owner("alice")
        return told

    monkeypatch.setattr(import_process, "perform", imported_and_then_deleted)
    with pytest.raises(ToolError, match="was deleted during"):
        await beside.import_usage("alice", written(tmp_path, ROW), {}, silent)
    assert await beside.datasets("alice") == []
    assert left_in(tmp_path / "ledger") == []


async def test_a_child_that_has_open_what_another_process_deleted_is_ended(
    ledger: DuckDBLedger, beside: DuckDBLedger, tmp_path: Path
) -> None:
    told = await ledger.import_usage("alice", written(tmp_path, ROW), {}, silent)
    await ledger.ask("alice", "data_profile", {})
    await ledger.tidy()
    assert "alice" in ledger.children.pids
    await beside.delete_dataset("alice", told["dataset_id"])
    await ledger.tidy()
    assert "alice" not in ledger.children.pids


async def test_data_that_cannot_be_opened_is_told_as_what_may_pass(ledger: DuckDBLedger, tmp_path: Path) -> None:
    await ledger.import_usage("alice", written(tmp_path, ROW), {}, silent)
    (rows,) = (tmp_path / "ledger").rglob("rows.duckdb")
    rows.write_bytes(b"damaged" * 5000)
    with pytest.raises(DependencyUnavailable) as caught:
        await ledger.ask("alice", "data_profile", {})
    assert caught.value.retry_after_ms


async def test_what_tidies_goes_on_after_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = DuckDBLedger(tmp_path / "ledger", ManualClock(), SeededEntropy(1), tidy_s=0, questions=PLAIN)
    times = 0
    again = asyncio.Event()

    async def tidy() -> None:
        nonlocal times
        times += 1
        if times == 1:
            raise OSError
        again.set()

    monkeypatch.setattr(ledger, "tidy", tidy)
    await ledger.start()
    await again.wait()
    await ledger.close()


async def test_what_an_owner_deletes_is_gone_from_the_disk(ledger: DuckDBLedger, tmp_path: Path) -> None:
    await ledger.import_usage("alice", written(tmp_path, ROW), {}, silent)
    await ledger.ask("alice", "data_profile", {})
    await ledger.delete_owner("alice")
    assert left_in(tmp_path / "ledger") == []
    assert (await ledger.ask("alice", "data_profile", {}))["rows"] == 0


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "UNSUPPORTED_FORMAT"),
        (b"\x7fELF\0\0", "UNSUPPORTED_FORMAT"),
        (b"city,mayor\nRome,R\n", "UNSUPPORTED_FORMAT"),
        (gzip.compress(json.dumps(ROW).encode() * 50)[:-20], "BAD_ROWS"),
        (b"[" + json.dumps(ROW).encode() + b",", "BAD_ROWS"),
        (json.dumps({**ROW, "input_tokens": "x"}).encode(), "BAD_ROWS"),
        (b"PAR1" + b"\0" * 50, "BAD_ROWS"),
    ],
    ids=["empty", "binary", "wrong header", "truncated gzip", "truncated JSON", "no good row", "damaged Parquet"],
)
async def test_a_file_that_cannot_be_imported_is_told_why_and_leaves_nothing(
    ledger: DuckDBLedger, tmp_path: Path, content: bytes, code: str
) -> None:
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(ToolError) as caught:
        await ledger.import_usage("alice", tmp_path / "bad", {}, silent)
    assert caught.value.code == code
    assert caught.value.hint
    assert str(tmp_path) not in str(caught.value.details) + caught.value.message
    assert left_in(tmp_path / "ledger") == []


async def test_a_name_that_is_no_file_is_told(ledger: DuckDBLedger, tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(ToolError) as caught:
            await ledger.import_usage("alice", path, {}, silent)
        assert caught.value.code == "UNSUPPORTED_FORMAT"


async def test_a_preview_imports_nothing(ledger: DuckDBLedger, tmp_path: Path) -> None:
    told = await ledger.import_usage("alice", written(tmp_path, ROW), {"preview": True}, silent)
    assert (told["preview"], told["name"], told["mapping"]["ts"]) == (True, "usage.jsonl", "timestamp")
    assert left_in(tmp_path / "ledger") == []


async def test_progress_goes_up_to_the_whole_file(ledger: DuckDBLedger, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = written(tmp_path, *[ROW] * 1000)
    await ledger.import_usage("alice", path, {}, lambda done, total: told.append((done, total)))
    assert told[-1] == (path.stat().st_size, path.stat().st_size)


async def test_an_import_that_is_cancelled_leaves_nothing(ledger: DuckDBLedger, tmp_path: Path) -> None:
    path = written(tmp_path, *[ROW] * 100_000)
    began = asyncio.Event()
    task = asyncio.create_task(ledger.import_usage("alice", path, {}, lambda done, total: began.set()))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await ledger.datasets("alice") == []
    assert left_in(tmp_path / "ledger") == []


async def test_what_a_killed_process_left_is_removed_at_the_start(tmp_path: Path) -> None:
    staged = tmp_path / "ledger" / "0123" / ".staged-data_1"
    staged.mkdir(parents=True)
    (staged / "rows.duckdb").write_text("half")
    ledger = DuckDBLedger(tmp_path / "ledger", ManualClock(), SeededEntropy(1), questions=PLAIN)
    await ledger.start()
    await ledger.close()
    assert left_in(tmp_path / "ledger") == []


async def test_no_more_datasets_are_kept_than_allowed(tmp_path: Path) -> None:
    limits = Limits(datasets=1)
    ledger = DuckDBLedger(tmp_path / "ledger", ManualClock(), SeededEntropy(1), limits, questions=PLAIN)
    await ledger.import_usage("alice", written(tmp_path, ROW), {}, silent)
    with pytest.raises(ToolError, match="which is the limit"):
        await ledger.import_usage("alice", written(tmp_path, ROW, ROW), {}, silent)
    await ledger.close()


@pytest.mark.validation_point("query.question")
async def test_raw_sql_is_refused_where_no_operator_allows_it(ledger: DuckDBLedger) -> None:
    with pytest.raises((QueryRejected, ToolError)) as caught:
        await ledger.ask("alice", "raw_sql", {"sql": "SELECT 1 AS n FROM usage"})
    assert isinstance(caught.value, QueryRejected)
    assert "NETRA_ALLOW_RAW_SQL" in caught.value.hint


async def test_raw_sql_is_answered_where_an_operator_allows_it(tmp_path: Path) -> None:
    ledger = DuckDBLedger(tmp_path / "ledger", ManualClock(), SeededEntropy(1), questions=PLAIN, allow_raw_sql=True)
    await ledger.import_usage("alice", written(tmp_path, ROW), {}, silent)
    answer = await ledger.ask("alice", "raw_sql", {"sql": "SELECT model, sum(input_tokens) AS n FROM usage GROUP BY 1"})
    assert (answer["columns"], answer["rows"]) == (["model", "n"], [["m", 10]])
    with pytest.raises(QueryRejected, match="is not allowed"):
        await ledger.ask("alice", "raw_sql", {"sql": "SELECT repeat('a', 1000000000)"})
    await ledger.close()


async def test_an_owner_that_is_no_id_has_no_ledger(ledger: DuckDBLedger, tmp_path: Path) -> None:
    for owner in ("../alice", "placeholder_user", ""):
        with pytest.raises(InvalidContextError):
            await ledger.ask(owner, "data_profile", {})
        with pytest.raises(InvalidContextError):
            await ledger.import_usage(owner, written(tmp_path, ROW), {}, silent)


async def test_closing_leaves_no_process(tmp_path: Path) -> None:
    ledger = DuckDBLedger(tmp_path / "ledger", ManualClock(), SeededEntropy(1), questions=PLAIN)
    await ledger.start()
    await ledger.import_usage("alice", written(tmp_path, ROW), {}, silent)
    await ledger.ask("alice", "data_profile", {})
    (pid,) = ledger.children.pids.values()
    await ledger.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


ACME = """
from datetime import UTC, datetime
from netra_backend.app.usage.importers.format import Format, Reading
from netra_backend.app.usage.importers.reading.page import by_row
from netra_backend.app.usage.importers.row import OK, REQUEST, UsageRow

def row(record):
    return UsageRow(
        ts=datetime(2026, 11, 1, tzinfo=UTC), model="m", operation="chat", status=OK, requests=1,
        input_tokens=record["acme_in"], output_tokens=record["acme_out"], source="acme", granularity=REQUEST,
    )

ACME = Format(
    "acme", "Invoice of Acme",
    lambda head: "records hold acme_in" if head.has("acme_in") else None,
    lambda head, options, times: Reading(by_row(row), frozenset()),
)
"""


async def test_a_format_that_is_added_is_read_in_the_child_too(
    ledger: DuckDBLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme_of_a_test.py").write_text(ACME)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    invoice = written(tmp_path, {"acme_in": 10, "acme_out": 1})
    with pytest.raises(ToolError) as refused:
        await ledger.import_usage("alice", invoice, {}, silent)
    assert refused.value.code == "UNSUPPORTED_FORMAT"
    added = DuckDBLedger(
        tmp_path / "other",
        ManualClock(),
        SeededEntropy(1),
        questions=PLAIN,
        importers=["acme_of_a_test:ACME"],
    )
    await added.start()
    try:
        told = await added.import_usage("alice", invoice, {}, silent)
        assert (told["format"], told["accepted"]) == ("acme", 1)
        assert (await added.ask("alice", "data_profile", {}))["rows"] == 1
    finally:
        await added.close()


async def test_an_answer_has_no_more_rows_and_bytes_and_time_than_are_set(tmp_path: Path) -> None:
    path = written(tmp_path, *({**ROW, "model": f"model-{number}"} for number in range(120)))
    asked = {"metrics": ["requests"], "group_by": ["model"]}

    async def told(limits: Limits, limit: int) -> Any:
        ledger = DuckDBLedger(tmp_path / "ledger", ManualClock(), SeededEntropy(1), limits, questions=PLAIN)
        try:
            await ledger.import_usage("alice", path, {}, silent)
            return len((await ledger.ask("alice", "database_query", {**asked, "limit": limit}))["rows"])
        except QueryRejected as refusal:
            return refusal.message
        except ToolError as fault:
            return fault.code
        finally:
            await ledger.close()

    assert await told(Limits(answer_rows=110), 110) == 110
    assert await told(Limits(answer_rows=110), 111) == "The limit must be 1 to 110"
    assert await told(Limits(answer_bytes=1_024), 110) == "RESULT_TOO_LARGE"
    assert await told(Limits(question_s=0.0), 110) == "QUERY_TIMEOUT"


async def test_an_import_has_no_more_than_is_set(tmp_path: Path) -> None:
    columns = ",".join(["timestamp", "model", "input_tokens", "output_tokens", *(f"c{number}" for number in range(20))])
    values = ",".join(["2026-11-01", "m", "1", "1", *"abcdefghijklmnopqrst"])
    table = f"{columns}\n{values}\n{values}\n{values}\n".encode()

    async def told(limits: Limits, content: bytes) -> str:
        ledger = DuckDBLedger(tmp_path / "ledger", ManualClock(), SeededEntropy(1), limits, questions=PLAIN)
        (tmp_path / "usage.csv").write_bytes(content)
        try:
            await ledger.import_usage("alice", tmp_path / "usage.csv", {}, silent)
        except ToolError as fault:
            return fault.message
        finally:
            await ledger.close()
        return "imported"

    assert "more than 2 rows" in await told(Limits(import_rows=2), table)
    assert "not a header" in await told(Limits(import_columns=20), table)
    assert "more than 300 times its size, or to more than 100 bytes" in await told(
        Limits(import_unpacked_bytes=100), table
    )
    assert await told(Limits(), table) == "imported"
