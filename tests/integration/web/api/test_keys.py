"""``/api/keys`` on a whole server: a program signs in with a key, and may do what the key says and no more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect

from netra_backend.app.core.identity import EVERYBODY
from test_framework.served import Serve, Served
from test_framework.users import TestUser

pytestmark = pytest.mark.asyncio(loop_scope="module")

CSV = b"date,model,input_tokens,output_tokens\n2026-01-01,gpt-4o,100,10\n"
DAY_MS = 86_400_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def keyed(serve_anywhere: Serve, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with serve_anywhere(tmp_path_factory.mktemp("keys") / "data", secrets_key=b"k" * 32) as served:
        yield served


async def made(served: Served, user: TestUser, name: str = "ci", **wanted: Any) -> tuple[str, str]:
    """The id of a new key, and the key."""
    async with served.http(user) as http:
        answer = await http.post("/api/keys", json={"name": name} | wanted)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"], answer.json()["key"]


def with_key(served: Served, key: str) -> httpx.AsyncClient:
    return served.http(None, Authorization=f"Bearer {key}")


def socket_of(served: Served, user: TestUser, key: str, **how: Any) -> Any:
    headers = {} if how else {"Authorization": f"Bearer {key}"}
    return connect(f"ws://127.0.0.1:{served.port}/ws/{user.id}", proxy=None, additional_headers=headers, **how)


async def said(socket: ClientConnection, kind: str) -> dict[str, Any]:
    while (frame := json.loads(await socket.recv()))["type"] != kind:
        pass
    return dict(frame)


async def test_a_key_is_told_once_listed_without_what_opens_and_deleted(keyed: Served) -> None:
    ada = keyed.user()
    key_id, key = await made(keyed, ada, agents=["echo"])
    async with keyed.http(ada) as http:
        (listed,) = (await http.get("/api/keys")).json()["keys"]
        created_ms = listed.pop("created_at")
        assert listed == {
            "id": key_id,
            "name": "ci",
            "scopes": ["usage"],
            "agents": ["echo"],
            "expires_at": created_ms + 365 * DAY_MS,
            "last_used_at": None,
        }
        async with with_key(keyed, key) as program:
            assert (await program.get("/api/me")).json()["user_id"] == ada.id
        (used,) = (await http.get("/api/keys")).json()["keys"]
        assert used["last_used_at"] >= created_ms
        exported = [json.loads(line) for line in (await http.get("/api/me/export")).text.splitlines()]
        assert [line["key"]["id"] for line in exported if line["kind"] == "api_key"] == [key_id]
        assert (await http.delete(f"/api/keys/{key_id}")).json() == {"deleted": key_id}
        assert (await http.get("/api/keys")).json() == {"keys": []}
        audit = (await http.get("/api/audit")).json()["rows"]
        assert {"api_key_created", "api_key_deleted"} <= {row["event"] for row in audit}
        assert key.rpartition("_")[2] not in json.dumps([listed, used, exported, audit])
    async with with_key(keyed, key) as program:
        refused = await program.get("/api/me")
        assert (refused.status_code, refused.json()["error"]) == (401, "unauthenticated")


@pytest.mark.validation_point("api_key.owned")
async def test_another_users_key_is_answered_as_one_that_is_not_there(keyed: Served) -> None:
    ada, bob = keyed.user(), keyed.user()
    key_id, key = await made(keyed, ada)
    async with keyed.http(bob) as other:
        assert (await other.get("/api/keys")).json() == {"keys": []}
        answers = [await other.delete(f"/api/keys/{each}") for each in (key_id, "absent")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text.replace(key_id, "absent") == answers[1].text
    async with with_key(keyed, key) as program:
        assert (await program.get("/api/me")).status_code == 200


@pytest.mark.parametrize("way", ["header", "subprotocol", "first frame", "ticket"])
async def test_a_program_asks_over_a_websocket_and_sees_the_run_live(keyed: Served, way: str) -> None:
    ada = keyed.user()
    _, key = await made(keyed, ada)
    how: dict[str, Any] = {}
    if way == "subprotocol":
        how = {"subprotocols": ["netra.v1", f"bearer.{key}"]}
    address = f"ws://127.0.0.1:{keyed.port}/ws/{ada.id}"
    if way == "ticket":
        async with with_key(keyed, key) as program:
            address += f"?ticket={(await program.post('/api/tickets')).json()['ticket']}"
    if way == "header":
        how = {"additional_headers": {"Authorization": f"Bearer {key}"}}
    async with connect(address, proxy=None, **how) as socket:
        if way == "first frame":
            await socket.send(json.dumps({"type": "authenticate", "token": key}))
        assert (await said(socket, "connected"))["user_id"] == ada.id
        await socket.send(json.dumps({"type": "execute_agent", "agent": "echo", "message": "hello"}))
        assert (await said(socket, "agent_completed"))["result"]


async def test_a_key_may_come_in_a_header_of_its_own(keyed: Served) -> None:
    ada = keyed.user()
    _, key = await made(keyed, ada)
    async with keyed.http(None, **{"X-Api-Key": key}) as program:
        assert (await program.get("/api/me")).json()["user_id"] == ada.id
        assert (await program.get(f"/api/me?api_key={key}")).status_code == 401


@pytest.mark.validation_point("auth.path_user")
async def test_a_key_opens_the_websocket_of_its_user_alone(keyed: Served) -> None:
    ada, bob = keyed.user(), keyed.user()
    _, key = await made(keyed, ada)
    async with socket_of(keyed, bob, key) as socket:
        assert json.loads(await socket.recv())["error"] == "user_mismatch"
        await socket.wait_closed()
    assert socket.close_code == 4504


@pytest.mark.validation_point("auth.manages")
async def test_a_key_makes_no_credential_changes_none_and_does_not_delete_its_user(keyed: Served) -> None:
    ada = keyed.user()
    _, key = await made(keyed, ada)
    closed = {each.name for each in keyed.http_application.endpoints if each.manages}
    assert closed >= {
        "createApiKey", "listApiKeys", "deleteApiKey", "deleteMe", "setSecret", "deleteSecret", "addMcpServer",
        "deleteMcpServer", "authorizeMcpServer",
    }  # fmt: skip
    async with with_key(keyed, key) as program:
        for endpoint in keyed.http_application.endpoints:
            if endpoint.manages:
                path = endpoint.path.replace("{", "").replace("}", "")
                answer = await program.request(endpoint.method, path)
                assert (answer.status_code, answer.json()["error"]) == (403, "forbidden"), endpoint.name
                assert "API key" in answer.json()["detail"]
        assert (await program.get("/api/me")).status_code == 200


async def test_a_key_that_may_read_changes_nothing_and_asks_nobody(keyed: Served) -> None:
    ada = keyed.user()
    await keyed.ran(ada)
    _, key = await made(keyed, ada, scopes=["read"])
    async with with_key(keyed, key) as program:
        for endpoint in keyed.http_application.endpoints:
            if endpoint.scope is None:
                continue
            path = endpoint.path.replace("{", "").replace("}", "")
            reads = endpoint.method == "GET" and endpoint.scope == EVERYBODY and not endpoint.manages
            answer = await program.request(endpoint.method, path)
            assert (answer.status_code != 403) is reads, (endpoint.method, endpoint.path, answer.text[:200])
        assert len((await program.get("/api/threads")).json()["threads"]) == 1


@pytest.mark.parametrize("way", ["header", "first frame"])
@pytest.mark.parametrize("scope", ["read", "ingest", "metrics"])
async def test_a_key_that_may_not_ask_gets_no_websocket_and_is_told_for_good(
    keyed: Served, scope: str, way: str
) -> None:
    operator = keyed.user("admin")
    _, key = await made(keyed, operator, f"{scope} {way}", scopes=[scope])
    async with connect(
        f"ws://127.0.0.1:{keyed.port}/ws/{operator.id}",
        proxy=None,
        additional_headers={"Authorization": f"Bearer {key}"} if way == "header" else {},
    ) as socket:
        if way == "first frame":
            await socket.send(json.dumps({"type": "authenticate", "token": key}))
        assert json.loads(await socket.recv())["error"] == "forbidden"
        await socket.wait_closed()
    assert socket.close_code == 4504


async def test_a_key_for_ingestion_brings_usage_in_and_reads_nothing(keyed: Served) -> None:
    ada = keyed.user()
    _, key = await made(keyed, ada, scopes=["ingest"])
    async with with_key(keyed, key) as program:
        imported = await program.post("/api/usage/datasets", content=CSV, params={"name": "usage.csv"})
        assert imported.status_code == 200, imported.text
        assert (await program.get("/api/usage/datasets")).status_code == 403
    async with keyed.http(ada) as http:
        assert len((await http.get("/api/usage/datasets")).json()["datasets"]) == 1


async def test_a_key_for_metrics_reads_metrics_from_elsewhere_and_a_users_own_cannot_be_made(keyed: Served) -> None:
    ada, operator = keyed.user(), keyed.user("admin")
    async with keyed.http(ada) as http:
        assert (await http.post("/api/keys", json={"name": "m", "scopes": ["metrics"]})).status_code == 403
    _, key = await made(keyed, operator, scopes=["metrics"])
    async with keyed.http(None, Authorization=f"Bearer {key}", **{"X-Forwarded-For": "192.0.2.1"}) as program:
        assert (await program.get("/metrics")).status_code == 200
        assert (await program.get("/api/threads")).status_code == 403


async def test_a_key_for_some_agents_lists_and_asks_these_alone(keyed: Served) -> None:
    ada = keyed.user()
    _, key = await made(keyed, ada, agents=["echo"])
    async with with_key(keyed, key) as program:
        told = (await program.get("/api/agents")).json()
    assert ([agent["name"] for agent in told["agents"]], told["default"]) == (["echo"], "echo")
    async with socket_of(keyed, ada, key) as socket:
        await said(socket, "connected")
        await socket.send(json.dumps({"type": "execute_agent", "id": "1", "agent": "waiting", "message": "hello"}))
        refused = await said(socket, "error")
        assert refused["error"] == "unknown_agent"
        assert "waiting" not in refused["message"].partition("Available")[2]
        await socket.send(json.dumps({"type": "execute_agent", "message": "hello"}))
        assert (await said(socket, "agent_started"))["agent"] == "echo"
    async with keyed.http(ada) as http:
        answer = await http.post("/api/keys", json={"name": "other", "agents": ["nobody"]})
        assert (answer.status_code, answer.json()["error"]) == (404, "unknown_agent")


async def test_a_connection_ends_when_its_key_is_deleted_and_others_of_its_user_stay(keyed: Served) -> None:
    ada = keyed.user()
    key_id, key = await made(keyed, ada)
    _, other_key = await made(keyed, ada, "other")
    async with socket_of(keyed, ada, key) as socket, socket_of(keyed, ada, other_key) as other:
        await said(socket, "connected")
        await said(other, "connected")
        async with keyed.http(ada) as http:
            await http.delete(f"/api/keys/{key_id}")
            await socket.wait_closed()
            assert socket.close_code == 4503
            await other.send(json.dumps({"type": "execute_agent", "agent": "echo", "message": "hello"}))
            await said(other, "agent_completed")
            assert (await http.get("/api/me")).status_code == 200


async def test_keys_go_with_their_user(keyed: Served) -> None:
    ada = keyed.user()
    _, key = await made(keyed, ada)
    async with keyed.http(ada) as http:
        assert (await http.delete("/api/me")).status_code == 200
    async with with_key(keyed, key) as program:
        assert (await program.get("/api/me")).status_code == 401
    assert await keyed.runtime.api_keys.of(ada.id) == []


async def test_a_users_keys_have_names_of_their_own_and_a_bound(keyed: Served) -> None:
    ada, most = keyed.user(), keyed.runtime.settings.limits.api_keys
    async with keyed.http(ada) as http:
        answers = await asyncio.gather(*(http.post("/api/keys", json={"name": f"k{n}"}) for n in range(most)))
        assert {answer.status_code for answer in answers} == {201}
        again = await http.post("/api/keys", json={"name": "k0"})
        assert (again.status_code, again.json()["error"]) == (409, "conflict")
        full = await http.post("/api/keys", json={"name": "one more"})
        assert (full.status_code, full.json()["error"]) == (413, "payload_too_large")
        unknown = await http.post("/api/keys", json={"name": "x", "on_behalf": {"jwt_secret": "s"}})
        assert (unknown.status_code, unknown.json()["error"]) == (400, "invalid_frame")
