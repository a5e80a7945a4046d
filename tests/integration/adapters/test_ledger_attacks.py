"""What the process stops where the parser is not asked at all: every statement goes straight to the engine."""

import hashlib
import json
import os
import resource
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from netra_backend.app.adapters.ledger import query_workers
from netra_backend.app.adapters.ledger.ledger import DuckDBLedger
from netra_backend.app.adapters.process.sandbox import walls
from netra_backend.app.core.errors import QueryRejected, ToolError
from netra_backend.app.core.limits import Limits
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


NOBODY = 65_534
USERS = ["this user", *([pytest.param("nobody", marks=pytest.mark.long)] if os.getuid() == 0 else [])]

BARE = """
def bare(rows, arguments):
    return str(rows.execute(arguments["sql"]).fetchall())
"""
AS_NOBODY = f"""
import datetime, decimal, os, uuid, zoneinfo
import bare, duckdb
from netra_backend.app.adapters.ledger.query_worker import serve
from netra_backend.app.adapters.process.child_runtime import Pipe

pipe = Pipe()
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
serve(pipe)
"""


@pytest.fixture(params=USERS)
def user(request: pytest.FixtureRequest) -> str:
    """Who the children are that answer: the user that tests run as, and nobody where that is root."""
    return str(request.param)


@pytest.fixture
def folder(user: str, tmp_path: Path) -> Iterator[Path]:
    if user != "nobody":
        yield tmp_path
        return
    place = Path(tempfile.mkdtemp(prefix="netra-attacks-"))  # where nobody may go
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture
async def ledger(folder: Path, user: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DuckDBLedger]:
    code = folder / "code"
    code.mkdir()
    (code / "bare.py").write_text(BARE)
    (code / "as_nobody.py").write_text(AS_NOBODY)
    if user == "nobody":
        monkeypatch.setattr(query_workers, "MODULE", "as_nobody")
    monkeypatch.setenv("PYTHONPATH", str(code))
    limits = Limits(question_s=120.0, question_cpu_s=2, question_memory_bytes=512 << 20)
    ledger = DuckDBLedger(folder / "usage", ManualClock(), SeededEntropy(1), limits, questions={"bare": "bare:bare"})
    await ledger.start()
    yield ledger
    await ledger.close()


async def filled(ledger: DuckDBLedger, folder: Path, owner: str, team: str) -> None:
    path = folder / f"{owner}.jsonl"
    row = {"timestamp": "2026-11-01", "model": "m", "input_tokens": 1, "output_tokens": 1, "team": team}
    path.write_text("".join(json.dumps({**row, "input_tokens": n}) + "\n" for n in range(200)))
    await ledger.import_usage(owner, path, {}, lambda done, total: None)
    if vars(query_workers)["MODULE"] == "as_nobody":
        for kept in (folder / "usage", *(folder / "usage").rglob("*")):
            os.chown(kept, NOBODY, NOBODY)


async def outcome(ledger: DuckDBLedger, sql: str) -> tuple[str, str]:
    try:
        return "ran", json.dumps(await ledger.ask("mallory", "bare", {"sql": sql}))
    except (ToolError, QueryRejected) as stopped:
        return "stopped", f"{stopped.message} {stopped.hint}"


def digest(root: Path) -> dict[str, str]:
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


async def test_with_the_parser_bypassed_the_process_stops_every_attack(ledger: DuckDBLedger, folder: Path) -> None:
    root = folder / "usage"
    await filled(ledger, folder, "victim", CANARY)
    other = next(root.rglob("*.duckdb"))
    await filled(ledger, folder, "mallory", "own")
    before, memory = digest(root), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    survivors = {}
    for attack in [*STOPPED, *HARMLESS]:
        sql = attack.format(root=root, other=other)
        became, told = await outcome(ledger, sql)
        if CANARY in told or str(folder) in told or "root:" in told or (attack in STOPPED and became == "ran"):
            survivors[attack] = told[:200]
        elif (await outcome(ledger, "SELECT count(*) FROM usage"))[1] != json.dumps("[(200,)]"):
            survivors[attack] = "the next question was not answered"
    assert survivors == {}
    assert digest(root) == before
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 64 << 10


async def test_a_child_sees_its_owners_rows_and_no_others(ledger: DuckDBLedger, folder: Path) -> None:
    await filled(ledger, folder, "victim", CANARY)
    await filled(ledger, folder, "mallory", "own")
    assert "own" in (await outcome(ledger, "SELECT DISTINCT team FROM usage"))[1]
    assert CANARY in await ledger.ask("victim", "bare", {"sql": "SELECT DISTINCT team FROM usage"})
    assert (await outcome(ledger, "SELECT count(*) FROM datasets"))[1] == json.dumps("[(1,)]")


TAKEN_OVER = """
import os, socket, subprocess

def attempts(rows, arguments):
    told = {}
    for name, attempt in {
        "another owner's rows": lambda: open(arguments["other"], "rb").read(),
        "its own rows": lambda: open(arguments["own"], "r+b"),
        "a new file": lambda: open(arguments["root"] + "/new", "w"),
        "a list of owners": lambda: os.listdir(arguments["root"]),
        "users of the machine": lambda: open("/etc/passwd").read(),
        "the server's environment": lambda: open(f"/proc/{os.getppid()}/environ", "rb").read(),
        "the network": lambda: socket.create_connection(("127.0.0.1", arguments["port"])),
        "a program": lambda: subprocess.run(["/bin/true"]),
        "a process": lambda: os.fork() or os._exit(0),
        "the server": lambda: os.kill(os.getppid(), 0),
    }.items():
        try:
            attempt()
            told[name] = "done"
        except OSError as error:
            told[name] = type(error).__name__
    return told
"""


@pytest.mark.skipif(walls().missing() != [], reason="seccomp or Landlock is missing from this kernel")
async def test_a_child_that_was_taken_over_reaches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "taken_over.py").write_text(TAKEN_OVER)
    monkeypatch.setenv("PYTHONPATH", str(code))
    root = tmp_path / "usage"
    questions = {"attempts": "taken_over:attempts"}
    ledger = DuckDBLedger(root, ManualClock(), SeededEntropy(1), questions=questions)
    await ledger.start()
    await filled(ledger, tmp_path, "victim", CANARY)
    other = next(root.rglob("*.duckdb"))
    await filled(ledger, tmp_path, "mallory", "own")
    (own,) = set(root.rglob("*.duckdb")) - {other}
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        arguments = {"root": str(root), "other": str(other), "own": str(own), "port": port}
        told = await ledger.ask("mallory", "attempts", arguments)
    await ledger.close()
    assert len(told) == 10
    assert {name: became for name, became in told.items() if became != "PermissionError"} == {}
