"""Agents and tools of a module, served as 0.1.0 served them and as they are served now."""

from __future__ import annotations

from pathlib import Path

from test_framework.server_process import ServerProcess
from test_framework.users import LocalUsers
from test_framework.websocket_client import websocket_client


async def test_the_added_agent_runs_in_a_real_server(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", app="test_framework.echo") as server:
        user = LocalUsers(server.data_dir).make("someone@example.org")
        async with websocket_client(server.websocket_url, user.token) as client:
            frames = await client.run_agent("echo", "hello")
            assert frames[-1]["result"]["data"]["repeated"] == {"user_id": user.id, "text": "hello"}
