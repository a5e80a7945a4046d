"""``netra key``: while a server holds the data directory, and while none does."""

from __future__ import annotations

import json

import httpx
import pytest
from websockets.asyncio.client import connect

from test_framework.server_process import ServerProcess


def status_of(server: ServerProcess, key: str, path: str = "/api/me") -> int:
    return httpx.get(f"{server.url}{path}", headers={"Authorization": f"Bearer {key}"}, trust_env=False).status_code


async def test_a_key_is_made_used_listed_and_revoked_while_a_server_runs(server: ServerProcess) -> None:
    made = server.command("key", "create", "ci", "--user", "ann")
    assert made.returncode == 0, made.stderr
    key, told = made.stdout.strip().split("\n", 1)
    assert "not shown again" in told
    headers = {"Authorization": f"Bearer {key}"}
    async with connect(f"{server.websocket_url}/ws/ann", additional_headers=headers, proxy=None) as socket:
        assert json.loads(await socket.recv())["user_id"] == "ann"
        listed = server.command("key", "list", "--user", "ann").stdout
        assert "ci" in listed
        assert key not in listed
        assert "never" not in listed
        revoked = server.command("key", "revoke", "ci", "--user", "ann")
        assert revoked.returncode == 0, revoked.stderr
        await socket.wait_closed()
    assert socket.close_code == 4503
    assert status_of(server, key) == 401
    assert server.command("key", "list", "--user", "ann", "--json").stdout == '{"keys": []}\n'


def test_a_key_has_the_scopes_the_agents_and_the_end_that_are_asked_for(server: ServerProcess) -> None:
    words = ("--scope", "metrics", "--scope", "read", "--agent", "echo", "--days", "3", "--user", "eve", "--json")
    made = json.loads(server.command("key", "create", "watcher", *words).stdout)
    (listed,) = json.loads(server.command("key", "list", "--user", "eve", "--json").stdout)["keys"]
    assert (listed["scopes"], listed["agents"]) == (["metrics", "read"], ["echo"])
    assert abs(listed["expires_at"] - listed["created_at"] - 3 * 86_400_000) < 60_000
    assert made["id"] == listed["id"]
    assert status_of(server, made["key"], "/api/threads") == 200


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("revoke", "absent"), "There is no such API key"),
        (("create", "x", "--scope", "all"), "Scopes are usage, read, ingest, metrics, admin."),
        (("create", "x", "--agent", "nobody"), "There is no agent named 'nobody'"),
        (("create", "x", "--days", "9999"), "within 365 days"),
        (("create", "x", "--user", "placeholder_user"), "placeholder"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(server: ServerProcess, words: tuple[str, ...], what: str) -> None:
    refused = server.command("key", *words)
    assert refused.returncode == 1
    assert what in refused.stderr


def test_without_a_server_a_key_is_kept_for_the_next_one_and_one_that_is_revoked_is_not(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    server = ServerProcess(tmp_path_factory.mktemp("alone") / "data", app="test_framework.echo")
    try:
        kept, gone = (
            json.loads(server.command("key", "create", name, "--user", "ann", "--json").stdout)["key"]
            for name in ("kept", "gone")
        )
        assert "ann has no" not in server.command("key", "list", "--user", "ann").stdout
        assert server.command("key", "create", "kept", "--user", "ann").returncode == 1
        assert server.command("key", "revoke", "gone", "--user", "ann").returncode == 0
        assert server.command("key", "revoke", "gone", "--user", "ann").returncode == 1
        server.start()
        assert [status_of(server, key) for key in (kept, gone)] == [200, 401]
        assert server.command("ask", "hi", "--agent", "echo", "--token", kept).returncode == 0
    finally:
        server.close()
