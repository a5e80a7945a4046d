from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from netra_backend.app.adapters.ledger.rows_writer import INSERTED, RowsWriter, parquet_records
from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.importers.reading.page import Columns
from netra_backend.app.usage.importers.reading.values import MAX_BLOCKS

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def row(n: int, ts: datetime = NOON, **more: object) -> Columns:
    """A page of one row."""
    plain = {"model": "m", "operation": "chat", "status": "ok", "input_tokens": n, "output_tokens": 1}
    moments = np.array([ts.replace(tzinfo=None)], dtype="datetime64[us]")
    told = {**plain, "source": "t", "granularity": "request", **more}
    return {"ts": moments, **{name: [value] for name, value in told.items()}}


def test_every_value_arrives_as_it_was(tmp_path: Path) -> None:
    writer = RowsWriter(tmp_path / "rows.duckdb")
    writer.write(row(1, cost_reported_usd="0.000000012345", prefix_blocks=[-(2**63), 2**63 - 1], is_batch=False))
    writer.write(row(10**12, latency_ms=0.5, team='a"\\\n✓', ts=NOON.replace(microsecond=123456)))
    first, last, filled = writer.finish()
    with duckdb.connect(str(tmp_path / "rows.duckdb"), read_only=True) as connection:
        found = connection.execute(
            "SELECT input_tokens, cost_reported_usd::VARCHAR, prefix_blocks, is_batch, latency_ms, team, ts, provider "
            "FROM usage_rows"
        ).fetchall()
    naive = NOON.replace(tzinfo=None)
    assert found == [
        (1, "0.000000012345", [-(2**63), 2**63 - 1], False, None, None, naive, None),
        (10**12, None, None, None, 0.5, 'a"\\\n✓', naive.replace(microsecond=123456), None),
    ]
    assert (first, last) == (naive, naive.replace(microsecond=123456))
    assert "team" in filled
    assert "provider" not in filled


def test_rows_with_very_many_blocks_arrive_beside_one_another(tmp_path: Path) -> None:
    blocks = list(range(2**62, 2**62 + MAX_BLOCKS))
    several: dict[str, Any] = {name: np.repeat(np.asarray(column), 40) for name, column in row(1).items()}
    page = {name: column if name == "ts" else column.tolist() for name, column in several.items()}
    writer = RowsWriter(tmp_path / "rows.duckdb")
    writer.write({**page, "prefix_blocks": [None, *[blocks] * 20, [], *[blocks] * 18]})
    writer.finish()
    with duckdb.connect(str(tmp_path / "rows.duckdb"), read_only=True) as connection:
        found = connection.execute("SELECT len(prefix_blocks), prefix_blocks[2] FROM usage_rows").fetchall()
    whole = (MAX_BLOCKS, 2**62 + 1)
    assert found == [(None, None), *[whole] * 20, (0, None), *[whole] * 18]


def test_nothing_but_the_database_is_left(tmp_path: Path) -> None:
    writer = RowsWriter(tmp_path / "rows.duckdb")
    for n in range(5):
        writer.write(row(n))
    writer.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["rows.duckdb"]


def test_a_fault_of_the_engine_is_told_by_the_next_call(tmp_path: Path) -> None:
    writer = RowsWriter(tmp_path / "rows.duckdb")
    writer.write(row(1, status=None))
    writer.write(row(1, input_tokens=2**70))
    with pytest.raises(duckdb.Error):
        writer.finish()


def test_an_abandoned_file_is_let_go_of_and_holds_no_rows(tmp_path: Path) -> None:
    writer = RowsWriter(tmp_path / "rows.duckdb")
    for n in range(INSERTED + 1):
        writer.write(row(n))
    writer.abandon()
    # The engine would refuse another way of opening it while it is open.
    with duckdb.connect(str(tmp_path / "rows.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM usage_rows").fetchone() == (0,)


def test_a_parquet_file_gives_its_records(tmp_path: Path) -> None:
    path = tmp_path / "usage.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT TIMESTAMP '2026-11-01' AS ts, 'm' AS model, range AS input_tokens FROM range(10000)) "
            f"TO '{path}' (FORMAT parquet)"
        )
    told: list[tuple[int, int]] = []
    found = list(parquet_records(path, lambda done, total: told.append((done, total))))
    assert len(found) == 10_000
    assert found[3] == (4, {"ts": datetime(2026, 11, 1), "model": "m", "input_tokens": 3})
    assert told[-1] == (10_000, 10_000)


def test_a_damaged_parquet_file_is_told_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "usage.parquet").write_bytes(b"PAR1" + b"\0" * 100)
    with pytest.raises(ToolError) as caught:
        list(parquet_records(tmp_path / "usage.parquet", lambda done, total: None))
    assert caught.value.code == "BAD_ROWS"
    assert str(tmp_path) not in caught.value.message
