"""A server in the test's own process, and the wire that keeps what it is given."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from test_framework.ids import new_id
from test_framework.local_runtime import KeptWire, connected_user, running


async def test_a_kept_wire_gives_each_frame_once_and_waits_for_what_comes() -> None:
    wire = KeptWire()
    wire.send([b'{"type": "a"}', b'{"type": "b"}'])
    assert await wire.until("b") == {"type": "b"}
    waiting = asyncio.create_task(wire.until("b", "c"))
    await asyncio.sleep(0)
    wire.send([b'{"type": "c"}'])
    assert await waiting == {"type": "c"}
    assert wire.frames == [{"type": "a"}]
    assert wire.ping() is False


async def test_a_wire_that_is_closed_before_the_frame_fails_by_assertion() -> None:
    wire = KeptWire()
    wire.close(4503, "revoked")
    with pytest.raises(AssertionError, match=r"closed with \(4503, 'revoked'\)"):
        await wire.until("a")


async def test_users_connect_to_a_server_in_this_process_and_leave_it(tmp_path: Path) -> None:
    async with running(tmp_path / "data", allow_drills=True) as runtime:
        assert runtime.settings.allow_drills
        async with connected_user(runtime, new_id("user")) as user:
            assert runtime.pool.find(user.connection.connection_id) is user.connection
            user.send(type="ping", id="key")
            assert (await user.wire.until("pong"))["id"] == "key"
        assert len(runtime.pool) == 0
