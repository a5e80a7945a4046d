"""What the process stops where the parser is not asked at all: every statement goes straight to the engine."""

import hashlib
import json
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netra_backend.app.adapters.ledger.ledger import DuckDBLedger, LedgerBounds
from netra_backend.app.core.errors import QueryRejected, ToolError
from test_framework.clock import ManualClock, SeededEntropy

CANARY = "canary-of-somebody-else"

# Statements that must fail: the engine, locked and without outside access, or the bounds of its process say no.
STOPPED = [
    "SELECT * FROM read_csv('{other}')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('{other}')",
    "SELECT * FROM read_json('{other}')",
    "SELECT * FROM read_parquet('{other}')",
    "SELECT * FROM '{other}'",
    "SELECT * FROM glob('{root}/**')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "ATTACH '{other}' AS stolen (READ_ONLY)",
    "ATTACH '{other}' AS stolen",
    "ATTACH '{root}/new.duckdb' AS made",
    "COPY (SELECT 1) TO '{root}/x.csv'",
    "COPY usage TO '{root}/x.parquet' (FORMAT parquet)",
    "EXPORT DATABASE '{root}/x'",
    "INSERT INTO usage_rows SELECT * FROM usage_rows",
    "WITH x AS (INSERT INTO usage_rows SELECT * FROM usage_rows RETURNING *) SELECT * FROM x",
    "DELETE FROM usage_rows",
    "DROP TABLE usage_rows",
    "CREATE TABLE t AS SELECT 1",
    "SET lock_configuration = false",
    "SET enable_external_access = true",
    "SET memory_limit = '64GB'",
    "SET threads = 8",
    "SET temp_directory = '{root}'",
    "RESET memory_limit",
    "PRAGMA memory_limit = '64GB'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SELECT getenv('PATH')",
    "SELECT length(repeat('a', 1000000000)) + length(repeat('b', 1000000000))",
    "SELECT length(lpad('a', 2000000000, 'b'))",
    "CREATE TEMP TABLE t AS SELECT range AS n, repeat('x', 1000) AS x FROM range(100000000)",
    "SELECT list_sum(range(1000000000))",
    "SELECT length(string_agg(repeat('a', 100000), '')) FROM range(100000)",
    "WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a) SELECT count(*) FROM a",
    "SELECT count(*) FROM range(1000000) a, range(1000000) b, range(1000000) c WHERE a.range + b.range + c.range = -1",
    "SELECT * FROM range(1000000000)",
]
# Statements that the engine runs: they must tell and change nothing that matters.
HARMLESS = [
    "SELECT * FROM duckdb_databases()",
    "PRAGMA database_list",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM pg_catalog.pg_database",
    "SELECT * FROM query('SELECT * FROM duckdb_databases()')",
    "SELECT current_setting('allowed_paths')",
    "CREATE TEMP TABLE t AS SELECT 1",
    "SELECT 1; SELECT 2",
    "CHECKPOINT",
    "SELECT * FROM usage",
]


@pytest.fixture
async def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DuckDBLedger]:
    code = tmp_path / "code"
    code.mkdir()
    (code / "bare.py").write_text(
        "def bare(rows, arguments):\n    return str(rows.execute(arguments['sql']).fetchall())\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(code))
    bounds = LedgerBounds(question_s=120.0, question_cpu_s=2, question_bytes=512 << 20)
    ledger = DuckDBLedger(
        tmp_path / "usage", ManualClock(), SeededEntropy(1), bounds=bounds, questions={"bare": "bare:bare"}
    )
    await ledger.start()
    yield ledger
    await ledger.close()


async def filled(ledger: DuckDBLedger, folder: Path, owner: str, team: str) -> None:
    path = folder / f"{owner}.jsonl"
    row = {"timestamp": "2026-11-01", "model": "m", "input_tokens": 1, "output_tokens": 1, "team": team}
    path.write_text("".join(json.dumps({**row, "input_tokens": n}) + "\n" for n in range(200)))
    await ledger.import_usage(owner, path, {}, lambda done, total: None)


async def outcome(ledger: DuckDBLedger, sql: str) -> tuple[str, str]:
    try:
        return "ran", json.dumps(await ledger.ask("mallory", "bare", {"sql": sql}))
    except (ToolError, QueryRejected) as stopped:
        return "stopped", f"{stopped.message} {stopped.hint}"


def digest(root: Path) -> dict[str, str]:
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


async def test_with_the_parser_bypassed_the_process_stops_every_attack(ledger: DuckDBLedger, tmp_path: Path) -> None:
    root = tmp_path / "usage"
    await filled(ledger, tmp_path, "victim", CANARY)
    other = next(root.rglob("*.duckdb"))
    await filled(ledger, tmp_path, "mallory", "own")
    before, memory = digest(root), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    survivors = {}
    for attack in [*STOPPED, *HARMLESS]:
        sql = attack.format(root=root, other=other)
        became, told = await outcome(ledger, sql)
        if CANARY in told or str(tmp_path) in told or "root:" in told or (attack in STOPPED and became == "ran"):
            survivors[attack] = told[:200]
        elif (await outcome(ledger, "SELECT count(*) FROM usage"))[1] != json.dumps("[(200,)]"):
            survivors[attack] = "the next question was not answered"
    assert survivors == {}
    assert digest(root) == before
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 64 << 10


async def test_a_child_sees_its_owners_rows_and_no_others(ledger: DuckDBLedger, tmp_path: Path) -> None:
    await filled(ledger, tmp_path, "victim", CANARY)
    await filled(ledger, tmp_path, "mallory", "own")
    assert "own" in (await outcome(ledger, "SELECT DISTINCT team FROM usage"))[1]
    assert CANARY in await ledger.ask("victim", "bare", {"sql": "SELECT DISTINCT team FROM usage"})
    assert (await outcome(ledger, "SELECT count(*) FROM datasets"))[1] == json.dumps("[(1,)]")
