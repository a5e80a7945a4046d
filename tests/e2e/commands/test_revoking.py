"""``netra revoke``."""

from __future__ import annotations

import pytest
from websockets.asyncio.client import connect

from test_framework.server_process import ServerProcess


async def test_revoking_closes_open_connections_and_ends_tokens_made_until_now(server: ServerProcess) -> None:
    token = server.command("token", "ann").stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(f"{server.websocket_url}/ws/ann", additional_headers=headers) as socket:
        await socket.recv()
        revoked = server.command("revoke", "ann")
        assert revoked.returncode == 0, revoked.stderr
        await socket.wait_closed()
    assert socket.close_code == 4503
    assert server.command("ask", "hi", "--agent", "echo", "--token", token).returncode == 1
    assert server.command("ask", "hi", "--agent", "echo", "--user", "ann").returncode == 0


def test_without_a_server_the_revocation_is_kept_for_the_next_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = ServerProcess(tmp_path_factory.mktemp("alone") / "data", app="test_framework.echo")
    try:
        token = server.command("token", "ann").stdout.strip()
        assert server.command("revoke", "ann").returncode == 0
        server.start()
        assert server.command("ask", "hi", "--agent", "echo", "--token", token).returncode == 1
    finally:
        server.close()


def test_what_is_no_user_id_is_refused(server: ServerProcess) -> None:
    refused = server.command("revoke", "placeholder_user")
    assert refused.returncode == 1
    assert "Forbidden placeholder values" in refused.stderr
