"""``/api/mcp-servers`` on a whole server: kept sealed, listed without credentials, and each user's own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from test_framework.served import Served, serve

KEY = b"k" * 32
URL = "https://mcp.invalid/canary-of-the-path?key=canary-of-the-query"
TOKEN = "canary-of-the-token"
SERVER = {"name": "github", "url": URL, "auth": {"bearer": TOKEN}}


@pytest.fixture
async def keeping(tmp_path: Path) -> AsyncIterator[Served]:
    async with serve(tmp_path / "data", secrets_key=KEY) as served:
        yield served


async def test_a_server_is_kept_for_its_owner_and_its_credential_is_shown_to_nobody(
    keeping: Served, tmp_path: Path
) -> None:
    ada, bob = keeping.user(), keeping.user()
    async with keeping.http(ada) as http, keeping.http(bob) as other:
        added = await http.post("/api/mcp-servers", json=SERVER)
        assert added.status_code == 201, added.text
        server_id = added.json()["id"]
        assert added.json() == {"id": server_id}
        (listed,) = (await http.get("/api/mcp-servers")).json()["mcp_servers"]
        updated_ms = listed.pop("updated_ms")
        shown = {"id": server_id, "name": "github", "origin": "https://mcp.invalid", "trusted": False}
        assert listed == {**shown, "auth": "Authorization", "authorized": None}
        assert (await other.get("/api/mcp-servers")).json() == {"mcp_servers": []}
        answers = [await other.delete(f"/api/mcp-servers/{each}") for each in (server_id, "mcp_absent")]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].text.replace(server_id, "mcp_absent") == answers[1].text
        export = (await http.get("/api/me/export")).text
        lines = [json.loads(line) for line in export.splitlines()]
        assert [line for line in lines if line["kind"] == "mcp_server"] == [
            {"kind": "mcp_server", **shown, "updated_ms": updated_ms}
        ]
        audit = (await http.get("/api/audit")).text
        assert "mcp_server_added" in audit
        assert "canary" not in export + audit + json.dumps(listed) + added.text
        assert (await http.delete(f"/api/mcp-servers/{server_id}")).json() == {"deleted": server_id}
        assert "mcp_server_deleted" in (await http.get("/api/audit")).text
        assert (await http.get("/api/mcp-servers")).json() == {"mcp_servers": []}
    assert b"canary-of-the" not in b"".join(
        each.read_bytes() for each in (tmp_path / "data").rglob("*") if each.is_file()
    )


async def test_servers_go_with_their_user(keeping: Served) -> None:
    user = keeping.user()
    async with keeping.http(user) as http:
        await http.post("/api/mcp-servers", json=SERVER)
        assert (await http.delete("/api/me")).status_code == 200
    assert await keeping.runtime.mcp_servers.listed(user.id) == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": "Git Hub"}, 400),
        ({"url": "ftp://mcp.invalid/"}, 400),
        ({"url": f"https://user:{TOKEN}@mcp.invalid/"}, 400),
        ({"auth": {"oauth": {}}}, 400),
        ({"auth": {}}, 400),
        ({"auth": {"bearer": TOKEN, "header": "X-Key", "value": TOKEN}}, 400),
        ({"auth": {"header": "X-Key"}}, 400),
        ({"auth": {"header": "Host", "value": TOKEN}}, 400),
        ({"trusted": "yes"}, 400),
        ({"more": 1}, 400),
        ({"auth": {"bearer": "x" * 70_000}}, 413),
    ],
)
async def test_what_cannot_be_a_server_is_refused(keeping: Served, change: dict[str, Any], status: int) -> None:
    async with keeping.http(keeping.user()) as http:
        refused = await http.post("/api/mcp-servers", json={**SERVER, **change})
        assert refused.status_code == status, refused.text
        assert "canary" not in refused.text
        assert (await http.get("/api/mcp-servers")).json() == {"mcp_servers": []}


async def test_a_second_one_of_a_name_and_one_too_many_are_refused(keeping: Served) -> None:
    async with keeping.http(keeping.user()) as http:
        for n in range(keeping.runtime.settings.limits.mcp_servers):
            assert (await http.post("/api/mcp-servers", json={**SERVER, "name": f"n{n}"})).status_code == 201
        again = await http.post("/api/mcp-servers", json={**SERVER, "name": "n0"})
        assert (again.status_code, again.json()["error"]) == (409, "conflict")
        more = await http.post("/api/mcp-servers", json={**SERVER, "name": "more"})
        assert (more.status_code, more.json()["error"]) == (413, "payload_too_large")


async def test_a_server_without_a_key_says_what_to_set(tmp_path: Path) -> None:
    async with serve(tmp_path / "data") as served, served.http(served.user()) as http:
        refused = await http.post("/api/mcp-servers", json=SERVER)
        assert refused.status_code == 409
        assert "NETRA_SECRETS_KEY" in refused.text


async def test_another_key_seals_servers_anew(tmp_path: Path) -> None:
    async with serve(tmp_path / "data", secrets_key=KEY) as served:
        user = served.user()
        async with served.http(user) as http:
            await http.post("/api/mcp-servers", json=SERVER)
    new = b"n" * 32
    async with serve(tmp_path / "data", secrets_key=new, secrets_key_previous=KEY) as served:
        await served.runtime.mcp_servers.reseal()
    async with serve(tmp_path / "data", secrets_key=new) as served:
        (found,) = await served.runtime.mcp_servers.of(user.id)
        assert (found.url, found.credential) == (URL, f"Bearer {TOKEN}")
