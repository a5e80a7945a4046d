"""``/api/secrets`` on a whole server: kept sealed, listed by name, in no answer and no export, and each user's own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from test_framework.served import Served, serve

VALUE = "canary-of-the-secret"
KEY = b"k" * 32


class Asker:
    """Tells whether it can have the secret that its message names, and says it in vain."""

    name, description, tools = "asker", "of a test", frozenset[str]()

    async def run(self, scope: Any) -> AgentResult:
        async def use() -> str:
            try:
                return f"it is {await scope.secret(scope.message)}"
            except KeyError:
                return "absent"

        return AgentResult(await scope.step("use", use))


@pytest.fixture
async def keeping(tmp_path: Path) -> AsyncIterator[Served]:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "OF_SERVER").write_text("canary-of-the-server\n")
    async with serve(tmp_path / "data", [Asker], secrets_key=KEY, secrets_dir=tmp_path / "secrets") as served:
        yield served


async def told(served: Served, user: Any, name: str) -> Any:
    accepted = await served.ran(user, name, agent="asker")
    async with served.http(user) as http:
        return (await http.get(f"/api/runs/{accepted['run_id']}")).json()


async def test_a_secret_is_given_to_its_owners_agents_and_told_to_nobody(keeping: Served, tmp_path: Path) -> None:
    ada, bob = keeping.user(), keeping.user()
    async with keeping.http(ada) as http, keeping.http(bob) as other:
        stored = await http.put("/api/secrets/TOKEN", json={"value": VALUE})
        assert (stored.status_code, stored.json()) == (200, {"name": "TOKEN"})
        listed = (await http.get("/api/secrets")).json()["secrets"]
        assert [each["name"] for each in listed] == ["TOKEN"]
        assert (await other.get("/api/secrets")).json() == {"secrets": []}
        answers = [await other.delete(f"/api/secrets/{name}") for name in ("TOKEN", "ABSENT")]
        assert [answer.status_code for answer in answers] == [404, 404]
        export = (await http.get("/api/me/export")).text
        lines = [json.loads(line) for line in export.splitlines()]
        assert [line["name"] for line in lines if line["kind"] == "secret"] == ["TOKEN"]
        audit = (await http.get("/api/audit")).text
        assert "secret_set" in audit
        assert VALUE not in export + audit + json.dumps(listed)
    for user, name, answer in (
        (ada, "TOKEN", "it is ***"),
        (bob, "TOKEN", "absent"),
        (ada, "OF_SERVER", "it is ***"),
        (bob, "OF_SERVER", "it is ***"),
        (bob, "..", "absent"),
    ):
        assert answer in json.dumps(await told(keeping, user, name)), (user, name)
    async with keeping.http(ada) as http:
        assert (await http.delete("/api/secrets/TOKEN")).status_code == 200
        assert "secret_deleted" in (await http.get("/api/audit")).text
    assert "absent" in json.dumps(await told(keeping, ada, "TOKEN"))
    stored_bytes = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert VALUE.encode() not in stored_bytes
    assert b"canary-of-the-server" not in stored_bytes


async def test_secrets_go_with_their_user(keeping: Served) -> None:
    user = keeping.user()
    async with keeping.http(user) as http:
        await http.put("/api/secrets/TOKEN", json={"value": VALUE})
        assert (await http.delete("/api/me")).status_code == 200
    assert await keeping.runtime.secrets.names(user.id) == []


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("TOKEN", {"value": "short"}, 400),
        ("TOKEN", {"value": VALUE, "more": 1}, 400),
        ("TOKEN", {}, 400),
        ("1TOKEN", {"value": VALUE}, 400),
        ("TOKEN", {"value": "x" * 20_000}, 413),
    ],
)
async def test_what_cannot_be_a_secret_is_refused(keeping: Served, name: str, body: Any, status: int) -> None:
    async with keeping.http(keeping.user()) as http:
        refused = await http.put(f"/api/secrets/{name}", json=body)
        assert refused.status_code == status, refused.text
        assert VALUE not in refused.text


async def test_a_server_without_a_key_says_what_to_set(tmp_path: Path) -> None:
    async with serve(tmp_path / "data") as served:
        await refused_without_a_key(served)


async def refused_without_a_key(served: Served) -> None:
    async with served.http(served.user()) as http:
        refused = await http.put("/api/secrets/TOKEN", json={"value": VALUE})
        assert refused.status_code == 409
        assert "NETRA_SECRETS_KEY" in refused.text
        assert (await http.get("/api/secrets")).json() == {"secrets": []}


async def test_another_key_opens_what_was_sealed_before_and_seals_it_anew(tmp_path: Path) -> None:
    async with serve(tmp_path / "data", [Asker], secrets_key=KEY) as served:
        user = served.user()
        async with served.http(user) as http:
            await http.put("/api/secrets/TOKEN", json={"value": VALUE})
    new = b"n" * 32
    async with serve(tmp_path / "data", [Asker], secrets_key=new, secrets_key_previous=KEY) as served:
        assert "it is ***" in json.dumps(await told(served, user, "TOKEN"))
        await served.runtime.secrets.reseal()
    async with serve(tmp_path / "data", [Asker], secrets_key=new) as served:
        assert "it is ***" in json.dumps(await told(served, user, "TOKEN"))
