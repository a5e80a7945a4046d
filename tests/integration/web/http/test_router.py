"""All endpoints of HTTP together: each answers as it is documented, refuses whom it must, and tells nobody what is another's."""

from __future__ import annotations

import json
from typing import Any

import httpx
import msgspec
import pytest

from netra_backend.app.core.blobs import Blob
from netra_backend.app.core.error_catalogue import CATALOGUE
from netra_backend.app.web.http.endpoint import ANY, BINARY, NDJSON, Endpoint
from netra_backend.app.web.http.problems import PROBLEM, Problem
from test_framework.served import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

IDS = {
    "{thread_id}",
    "{ref}",
    "{file_id}",
    "{run_id}",
    "{dataset_id}",
    "{approval_id}",
    "{question_id}",
    "{user_id}",
    "{name}",
    "{server_id}",
    "{key_id}",
    "{model}",
    "{chat_id}",
}
ANSWERS = {"decideApproval", "answerQuestion", "authorizeMcpServer", "finishMcpAuthorization", "resumeChat"}
BLOB = Blob.of(b"as it was recorded", BINARY)
CSV = b"timestamp,model,input_tokens,output_tokens\n2026-01-05T00:00:00Z,gpt-4o,1000,100\n"


def body_of(endpoint: Endpoint) -> dict[str, Any]:
    """Something that fits the endpoint's body."""
    if endpoint.name == "uploadFile":
        return {"content": CSV, "headers": {"Content-Type": "text/csv"}}
    if endpoint.body is BINARY:
        return {"content": CSV, "params": {"name": "usage.csv"}}
    if endpoint.body is None or not endpoint.body_required:
        return {}
    wanted = {
        "decideApproval": {"decision": "deny", "arguments_hash": "0"},
        "answerQuestion": {"answer": {"decision": "deny"}},
        "renameThread": {"title": "Another"},
        "setSecret": {"value": "0123456789abcdef"},
        "chat": {"id": "chat", "agent": "echo", "messages": [CHAT_MESSAGE]},
        "createChatCompletion": {"model": "echo", "messages": [{"role": "user", "content": "hello"}]},
        "createApiKey": {"name": "another"},
        "addMcpServer": {"name": "other", "url": "https://mcp.example.org/other"},
    }
    return {"json": wanted[endpoint.name]}


CHAT_MESSAGE = {"id": "1", "role": "user", "parts": [{"type": "text", "text": "hello"}]}


def filled(path: str, ids: dict[str, str]) -> str:
    for name, id in ids.items():
        path = path.replace(f"{{{name}}}", id)
    assert "{" not in path, path
    return path


async def belongings(served: Served, http: httpx.AsyncClient, user: Any) -> dict[str, str]:
    """Ids of what this user has."""
    accepted = await served.ran(user)
    await http.put("/api/secrets/github", json={"value": "0123456789abcdef"})
    server = (await http.post("/api/mcp-servers", json={"name": "github", "url": "https://mcp.example.org/mcp"})).json()
    key = (await http.post("/api/keys", json={"name": "ci"})).json()
    dataset = (await http.post("/api/usage/datasets", content=CSV, params={"name": "usage.csv"})).json()
    file = (await http.post("/api/files", content=CSV, headers={"Content-Type": "application/json"})).json()
    return {
        "file_id": file["file_id"],
        "thread_id": await served.with_blob(user, BLOB),
        "ref": BLOB.ref,
        "run_id": accepted["run_id"],
        "dataset_id": dataset["dataset_id"],
        "approval_id": "apr_none",
        "question_id": "qst_run_none.1",
        "user_id": user.id,
        "name": "github",
        "server_id": server["id"],
        "key_id": key["id"],
        "model": "echo",
        "chat_id": "nothing",
    }


def fits(answer: httpx.Response, endpoint: Endpoint) -> None:
    """The answer is one that the endpoint documents: its status, its media type, its very fields."""
    if answer.status_code == 204:
        assert 204 in endpoint.also
        assert answer.content == b""
        return
    media = answer.headers["content-type"].partition(";")[0]
    if answer.status_code >= 400 and answer.status_code not in endpoint.also:
        if endpoint.told is not None:  # in another protocol, which its own tests know
            assert media == "application/json"
            assert answer.json()["error"]["code"] in endpoint.faults
            return
        assert media == PROBLEM
        problem = msgspec.json.decode(answer.content, type=Problem)
        assert problem.error in endpoint.faults, problem
        assert problem.status == answer.status_code == CATALOGUE[problem.error].status
        return
    assert answer.status_code in (endpoint.status, *endpoint.also)
    if endpoint.lines and media == NDJSON:
        for line in answer.content.splitlines():
            assert any(is_exactly(line, kind) for kind in endpoint.lines), line
    elif endpoint.answer is not None:
        assert media == "application/json"
        assert is_exactly(answer.content, endpoint.answer), answer.text
    else:
        assert endpoint.media in (ANY, media, answer.headers["content-type"])


def is_exactly(content: bytes, kind: Any) -> bool:
    """Whether this JSON is of the type and has no field that the type does not know."""
    try:
        decoded = msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError:
        return False
    known = json.loads(msgspec.json.encode(decoded))
    return contains(known, json.loads(content))


def contains(known: Any, told: Any) -> bool:
    if isinstance(told, dict):
        return isinstance(known, dict) and all(name in known and contains(known[name], told[name]) for name in told)
    if isinstance(told, list):
        return isinstance(known, list) and all(map(contains, known, told))
    return bool(known == told) or {type(known), type(told)} == {int, float}


async def test_every_endpoint_answers_as_it_is_documented(served: Served) -> None:
    seen = set()
    user = served.user("admin")
    async with served.http(user) as http:
        ids = {**await belongings(served, http, user), "user_id": served.user().id}
        for endpoint in sorted(
            served.http_application.endpoints, key=lambda endpoint: (endpoint.method == "DELETE", -len(endpoint.path))
        ):
            answer = await http.request(endpoint.method, filled(endpoint.path, ids), **body_of(endpoint))
            fits(answer, endpoint)
            assert answer.status_code == endpoint.status or endpoint.name in ANSWERS, (
                endpoint.name,
                answer.text,
            )
            seen.add(endpoint.name)
    assert len(seen) == len(served.http_application.endpoints) > 20, "names are unique"


async def test_every_endpoint_that_is_somebodys_refuses_nobody(served: Served) -> None:
    ids = dict.fromkeys((name.strip("{}") for name in IDS), "thr_x1")
    async with served.http(None) as http:
        for endpoint in served.http_application.endpoints:
            answer = await http.request(endpoint.method, filled(endpoint.path, ids), **body_of(endpoint))
            if endpoint.scope is None:
                expected = 400 if endpoint.name == "finishMcpAuthorization" else 200  # it has come back from nowhere
                assert answer.status_code == expected, endpoint.name
            else:
                assert answer.status_code == 401, endpoint.name
                assert answer.headers["www-authenticate"] == "Bearer"
                told = answer.json()["error"]
                assert (told["code"] if endpoint.told is not None else told) == "unauthenticated"


@pytest.mark.validation_point("auth.scope")
async def test_every_endpoint_of_operators_refuses_everybody_else(served: Served) -> None:
    user = served.user()
    operators = [endpoint for endpoint in served.http_application.endpoints if endpoint.path.startswith("/api/admin/")]
    assert len(operators) > 4
    async with served.http(user) as http:
        for endpoint in operators:
            assert endpoint.scope == "admin"
            answer = await http.request(endpoint.method, filled(endpoint.path, {"user_id": user.id}))
            assert (answer.status_code, answer.json()["error"]) == (403, "forbidden"), endpoint.name


@pytest.mark.validation_point(
    "thread.owned",
    "run.owned",
    "dataset.owned",
    "file.owned",
    "blob.owned",
    "question.open",
    "secret.owned",
    "mcp.owned",
)
async def test_what_is_anothers_answers_the_same_bytes_as_what_does_not_exist(served: Served) -> None:
    owner, stranger = served.user(), served.user()
    endpoints = [
        endpoint
        for endpoint in served.http_application.endpoints
        if "{" in endpoint.path
        and "/admin/" not in endpoint.path
        and endpoint.name not in ("setSecret", "readModel", "resumeChat")  # names are one's own, and agents everybody's
    ]
    assert {name for endpoint in endpoints for name in IDS if name in endpoint.path} == IDS - {
        "{user_id}",
        "{model}",
        "{chat_id}",
    }
    async with (
        served.http(owner) as own,
        served.http(stranger) as http,
        served.running(owner, "approval_requested", agent="waiting") as (_, asked),
    ):
        has = {**await belongings(served, own, owner), "approval_id": asked["approval_id"]}
        has["question_id"] = asked["approval_id"]
        word = {"json": {"decision": "approve", "arguments_hash": asked["arguments_hash"]}}
        for endpoint in endpoints:
            wanted = word if endpoint.name == "decideApproval" else body_of(endpoint)
            absent = dict.fromkeys(has, served.runtime.mint("thr"))
            foreign = await http.request(endpoint.method, filled(endpoint.path, has), **wanted)
            nothing = await http.request(endpoint.method, filled(endpoint.path, absent), **wanted)
            assert foreign.status_code == 404, (endpoint.name, foreign.text)
            assert foreign.content == nothing.content, endpoint.name
            assert told_headers(foreign) == told_headers(nothing), endpoint.name
        for endpoint in sorted(endpoints, key=lambda endpoint: endpoint.method == "DELETE"):
            if endpoint.name != "deleteDataset":
                answer = await own.request(
                    endpoint.method,
                    filled(endpoint.path, has),
                    **(word if "apr" in endpoint.name else body_of(endpoint)),
                )
                assert endpoint.name in ANSWERS or answer.status_code == 200, (endpoint.name, answer.text)


def told_headers(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "date"}


async def test_an_unknown_address_and_an_unknown_method_are_told_as_problems(served: Served) -> None:
    async with served.http(None) as http:
        absent = await http.get("/api/nothing")
        assert (absent.status_code, absent.headers["content-type"], absent.json()["error"]) == (
            404,
            PROBLEM,
            "no_route",
        )
        wrong = await http.put("/api/threads/thr_x1")
        assert (wrong.status_code, wrong.json()["error"]) == (405, "method_refused")
        assert set(wrong.headers["allow"].replace(" ", "").split(",")) >= {"PATCH", "DELETE"}


@pytest.mark.parametrize("path", ["/api/me/", "/api/threads/", "/page", "/api/threads/thr_x1/export/"])
async def test_a_slash_too_many_or_too_few_leads_nowhere_and_repeats_no_ticket(served: Served, path: str) -> None:
    async with served.http(None, Host="elsewhere.example") as http:
        told = await http.get(path, params={"ticket": "tkt-not-to-be-repeated"})
    assert "location" not in told.headers
    assert "tkt-not-to-be-repeated" not in told.text + str(told.headers)
    assert told.status_code >= 400


async def test_head_is_get_without_its_body_and_options_tells_the_methods(served: Served) -> None:
    async with served.http(served.user()) as http:
        got, head = await http.get("/api/agents"), await http.head("/api/agents")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(got.content))
        asked = await http.options("/api/threads/thr_x1")
        assert (asked.status_code, asked.headers["allow"]) == (204, "DELETE, OPTIONS, PATCH")
        assert (await http.options("/api/threads")).headers["allow"] == "GET, HEAD, OPTIONS"
        assert (await http.options("/api/nothing")).status_code == 404


async def test_answers_are_counted_by_endpoint_and_status(served: Served) -> None:
    async with served.http(served.user()) as http:
        before = served.http_application.requests.get(("readRun", 404), 0)
        await http.get("/api/runs/run_x1")
        assert served.http_application.requests["readRun", 404] == before + 1
