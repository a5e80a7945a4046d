"""A device that never reads is closed with 4408, costs its neighbours nothing, and gets everything after it resumes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from test_framework.chaos.slow_reader import fill, reads_nothing
from test_framework.server_process import ServerProcess
from test_framework.users import LocalUsers
from test_framework.websocket_client import Frame, WebSocketTestClient, websocket_client

pytestmark = pytest.mark.long
NEIGHBOURS_RUNS = 50


async def _replay(client: WebSocketTestClient, thread_id: str, position: Frame) -> list[str]:
    """The thread's events after a position, as they came."""
    before = len(client.received)
    await client.send_json({"type": "resume", "positions": {thread_id: position}})
    while (await client.receive_json())["type"] != "live":
        pass
    return client.received[before:-1]


async def _neighbour(client: WebSocketTestClient) -> None:
    for _ in range(NEIGHBOURS_RUNS):
        assert (await client.run_agent("echo", "hello"))[-1]["type"] == "agent_completed"


async def test_a_device_that_never_reads_is_closed_and_resumes_while_its_neighbour_goes_on(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", app="test_framework.echo") as server:
        users, url = LocalUsers(server.data_dir), server.websocket_url
        user, neighbour = users.make("user@example.org"), users.make("neighbour@example.org")
        async with (
            websocket_client(url, user.token) as reading,
            websocket_client(url, neighbour.token) as beside,
            reads_nothing(url, user) as deaf,
        ):
            assert (await deaf.receive_json())[
                "type"
            ] == "connected"  # from here on it is told, wherever it is connected
            going_on = asyncio.create_task(_neighbour(beside))
            thread_id = await fill(reading)
            await going_on
            await deaf.expect_close(4408)
            everything = await _replay(reading, thread_id, {"epoch": "", "seq": 0})
        seen = [text for text in deaf.received if '"seq":' in text]
        assert len(seen) < len(everything)
        async with websocket_client(url, user.token) as back:
            epoch = next(
                frame["epoch"]
                for frame in await back.run_agent("echo", "again", thread_id=thread_id)
                if "epoch" in frame
            )
            missed = await _replay(back, thread_id, {"epoch": epoch, "seq": len(seen)})
        assert [*seen, *missed][: len(everything)] == everything
