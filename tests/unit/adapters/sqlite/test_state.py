"""Values in the embedded log; the rest of the port is in the contract suite."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from netra_backend.app.adapters.sqlite import schema
from netra_backend.app.adapters.sqlite.state import write_state
from netra_backend.app.core import history
from netra_backend.app.core.history import RunRecord, ThreadHead
from netra_backend.app.core.state import StateWrite


def test_a_transaction_that_is_undone_takes_its_values_along(tmp_path: Path) -> None:
    run = RunRecord(ThreadHead("user_ada", "thr_1", "e", 1), "run_1", "req_1", "a", None, "UTC", 1)
    chunk = history.append(run, b"event")
    assert chunk is not None
    write = StateWrite("user_ada", "thr_1", "k", b"1", None, 9)
    history.attach(run, write, {"written": b"yes", "conflict": b"no", "full": b"no"})
    with closing(schema.open_writer(tmp_path / "events.db")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        write_state(connection, chunk, 5)
        assert chunk.frames == [b"yes"]
        assert connection.execute("SELECT value, updated FROM state").fetchall() == [(b"1", 5)]
        connection.execute("ROLLBACK")
        assert connection.execute("SELECT count(*) FROM state").fetchone() == (0,)
