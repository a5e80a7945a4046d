"""``netra revoke``."""

from __future__ import annotations

import base64
import json

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


def id_of(token: str) -> str:
    payload = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=="))["jti"])


async def test_one_sign_in_is_revoked_while_a_server_runs_and_others_go_on(server: ServerProcess) -> None:
    gone, other = (server.command("token", "ben").stdout.strip() for _ in range(2))
    address = f"{server.websocket_url}/ws/ben"
    async with (
        connect(address, additional_headers={"Authorization": f"Bearer {gone}"}) as socket,
        connect(address, additional_headers={"Authorization": f"Bearer {other}"}) as kept,
    ):
        await socket.recv()
        await kept.recv()
        revoked = server.command("revoke", "ben", "--token-id", id_of(gone))
        assert revoked.returncode == 0, revoked.stderr
        assert f"The sign-in {id_of(gone)} of ben is revoked." in revoked.stdout
        await socket.wait_closed()
        await kept.send('{"type":"ping","id":"p"}')
        assert json.loads(await kept.recv())["type"] == "pong"
    assert socket.close_code == 4503
    assert server.command("ask", "hi", "--agent", "echo", "--token", gone).returncode == 1
    assert server.command("ask", "hi", "--agent", "echo", "--token", other).returncode == 0


def test_a_single_revocation_without_a_server_is_kept_for_the_next_ones(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    server = ServerProcess(tmp_path_factory.mktemp("alone") / "data", app="test_framework.echo")
    try:
        gone, other = (server.command("token", "ben").stdout.strip() for _ in range(2))
        assert server.command("revoke", "ben", "--token-id", id_of(gone)).returncode == 0
        server.start()
        assert server.command("ask", "hi", "--agent", "echo", "--token", gone).returncode == 1
        assert server.command("ask", "hi", "--agent", "echo", "--token", other).returncode == 0
    finally:
        server.close()
