"""Servers of a zygote are servers: they start on the same data, one after the other, and end with whoever asked for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from test_framework.crashes.fork_server import fork_server
from test_framework.crashes.moment import COMMITTED, Moment
from test_framework.server_process import ServerFailed
from test_framework.users import LocalUsers
from test_framework.websocket_client import websocket_client

APP = "test_framework.crashes.example"


async def test_a_server_ends_at_the_moment_and_the_next_one_goes_on(tmp_path: Path) -> None:
    moment = Moment(tmp_path / "moment")
    data_dir = tmp_path / "data"
    async with fork_server(data_dir, APP, tmp_path / "moment", settings={}, directory=None, loaded=()) as server:
        await server.start()
        user = LocalUsers(data_dir).make("ann@example.org")
        moment.arm(COMMITTED, 2)
        with pytest.raises(ConnectionAbortedError):
            async with websocket_client(server.url.replace("http", "ws", 1), user.token) as client:
                await client.run_agent("careless", "go", id="once")
        assert await server.ended() == -9
        await server.start()
        async with websocket_client(server.url.replace("http", "ws", 1), user.token) as client:
            await client.send_json({"type": "execute_agent", "agent": "careless", "message": "go", "id": "once"})
            while (frame := await client.receive_json())["type"] != "accepted":
                assert frame["type"] != "error", frame  # events of the run that goes on may come before
            assert frame["seq"] == 1
    moment.close()


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    Moment(tmp_path / "moment").close()
    async with fork_server(
        tmp_path / "data", "no.such.module", tmp_path / "moment", settings={}, directory=None, loaded=()
    ) as server:
        with pytest.raises(ServerFailed, match=r"no\.such\.module"):
            await server.start()
