"""Secrets in the embedded log; the rest of the port is in the contract suite."""

from __future__ import annotations

import asyncio
from pathlib import Path

from netra_backend.app.adapters.sqlite.event_log import SqliteEventLog
from netra_backend.app.secret_ports import SealedSecret
from test_framework.clock import ManualClock


async def test_one_that_was_replaced_or_removed_is_in_no_file_any_more(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    log = SqliteEventLog(tmp_path / "events.db", ManualClock(), loop, lambda _: None, lambda _: None)
    for canary in (b"canary-one", b"canary-two"):
        assert await log.secrets.put("user_ada", "k", SealedSecret("id", canary), 9)
    assert await log.secrets.remove("user_ada", "k")
    await log.close()
    assert b"canary" not in everything_in(tmp_path)


def everything_in(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.iterdir())
