"""API keys in the embedded log; the rest of the port is in the contract suite."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from netra_backend.app.adapters.sqlite.event_log import SqliteEventLog
from netra_backend.app.core.api_keys import ApiKey
from test_framework.clock import ManualClock

KEY = ApiKey("k1", "user_ada", "canary-name", b"canary-digest", frozenset({"usage"}), frozenset(), "", 1, 1, 2)


async def test_one_that_was_removed_is_in_no_file_any_more_and_nor_is_one_whose_owner_is_gone(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    log = SqliteEventLog(tmp_path / "events.db", ManualClock(), loop, lambda _: None, lambda _: None)
    for key in (KEY, replace(KEY, key_id="k2", name="canary-two"), replace(KEY, key_id="k3", owner="user_bob")):
        assert await log.api_keys.add(key, 9) == "added"
    assert await log.api_keys.remove("user_ada", "k1")
    await log.delete_owner("user_ada")
    await log.delete_owner("user_bob")
    await log.close()
    assert b"canary" not in everything_in(tmp_path)


def everything_in(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.iterdir())
