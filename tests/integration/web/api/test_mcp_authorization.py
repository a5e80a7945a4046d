"""OAuth with MCP servers on a whole server, with a real authorization server and an MCP server that requires its tokens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.limits import Limits
from test_framework.local_runtime import connected_user
from test_framework.served import Served, serve
from tests.mcp_servers import served
from tests.oauth_servers import Guarded, consent, link_of

KEY = b"k" * 32
PATH = "/api/mcp-authorization"
HTML = {"Accept": "text/html,*/*"}
LOOPBACK = (ip_network("127.0.0.0/8"),)


class Caller:
    """Calls the tool that its message names, with the text that follows; else tells what tools it has."""

    name, description, tools = "caller", "of a test", frozenset({"mcp:*"})

    async def run(self, scope: Any) -> AgentResult:
        tool, _, text = scope.message.partition(" ")
        if not tool.count("__"):
            return AgentResult(json.dumps([[each.name, each.description] for each in await scope.tools()]))
        outcome = await scope.use_tool(tool, text=text)
        return AgentResult(json.dumps([outcome.ok, outcome.result, outcome.error]))


def netra_in(directory: Path, **settings: Any) -> Any:
    return serve(
        directory,
        [Caller],
        **{"secrets_key": KEY, "egress_networks": LOOPBACK, "limits": Limits(mcp_open_s=5.0), **settings},
    )


@pytest.fixture
async def netra(tmp_path: Path) -> AsyncIterator[Served]:
    async with netra_in(tmp_path / "data") as running:
        yield running


async def add(netra: Served, user: Any, origin: str, **auth: str) -> str:
    server = {"name": "notes", "url": f"{origin}/mcp", "trusted": True, "auth": {"type": "oauth", **auth}}
    async with netra.http(user) as http:
        added = await http.post("/api/mcp-servers", json=server)
        assert added.status_code == 201, added.text
        return str(added.json()["id"])


async def begin(netra: Served, user: Any, server_id: str) -> str:
    async with netra.http(user) as http:
        begun = await http.post(f"/api/mcp-servers/{server_id}/authorization")
        assert begun.status_code == 200, begun.text
        return str(begun.json()["authorization_url"])


async def browse(netra: Served, query: dict[str, str] | str, **headers: str) -> httpx.Response:
    """In a browser that nobody is signed in with."""
    async with netra.http(None) as browser:
        if isinstance(query, str):
            return await browser.get(f"{PATH}{query}", headers={**HTML, **headers})
        return await browser.get(PATH, params=query, headers={**HTML, **headers})


async def authorized(netra: Served, user: Any, guarded: Guarded, server_id: str, subject: str) -> None:
    back = await consent(await begin(netra, user, server_id), guarded.provider, subject)
    page = await browse(netra, back)
    assert page.status_code == 200, page.text
    done = await browse(netra, link_of(page.text))
    assert done.status_code == 200, done.text


async def listed(netra: Served, user: Any) -> dict[str, Any]:
    async with netra.http(user) as http:
        (found,) = (await http.get("/api/mcp-servers")).json()["mcp_servers"]
        return dict(found)


async def told(netra: Served, user: Any, message: str) -> Any:
    async with connected_user(netra.runtime, user.id) as device:
        device.send(type="execute_agent", agent="caller", message=message)
        ended = await device.ended_run()
    assert ended["type"] == "agent_completed", ended
    return json.loads(ended["result"]["text"])


async def test_a_user_authorizes_a_server_in_a_browser_and_runs_have_its_tools(netra: Served, tmp_path: Path) -> None:
    user, guarded = netra.user(), Guarded()
    async with served(guarded) as origin:
        server_id = await add(netra, user, origin)
        assert (await listed(netra, user))["authorized"] is False
        url = await begin(netra, user, server_id)
        back = await consent(url, guarded.provider, "ada")
        page = await browse(netra, back)
        assert f"Netra user {user.id}" in page.text
        assert "MCP server notes" in page.text
        assert guarded.provider.access == {}, "nothing is asked for before the user has seen for whom"
        done = await browse(netra, link_of(page.text))
        assert (done.status_code, "Authorized" in done.text) == (200, True)
        for answer in (page, done):
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["referrer-policy"] == "no-referrer"
        assert (await listed(netra, user))["authorized"] is True
        assert [each[0] for each in await told(netra, user, "list")] == ["notes__note", "notes__refuse", "notes__count"]
        assert (await told(netra, user, "notes__note hello"))[:2] == [True, "noted hello"]
        assert guarded.provider.resources == [f"{origin}/mcp"]
        async with netra.http(user) as http:
            shown = (await http.get("/api/me/export")).text + (await http.get("/api/audit")).text
            shown += (await http.get("/api/mcp-servers")).text
    assert {"mcp_authorization_begun", "mcp_server_authorized"} <= set(shown.replace('"', " ").split())
    assert "access-canary" not in shown + url + page.text + done.text
    assert "refresh-canary" not in shown
    kept = b"".join(each.read_bytes() for each in (tmp_path / "data").rglob("*") if each.is_file())
    assert not [each for each in (b"access-canary", b"refresh-canary", b"code-canary") if each in kept]


async def test_a_token_that_its_server_says_again_is_not_shown(netra: Served) -> None:
    user, guarded = netra.user(), Guarded()
    async with served(guarded) as origin:
        await authorized(netra, user, guarded, await add(netra, user, origin), "ada")
        (token,) = guarded.provider.access
        assert (await told(netra, user, f"notes__note {token}"))[1] == "noted ***"
        guarded.provider.access.clear()
        following = "access-canary-ada-1"
        assert (await told(netra, user, f"notes__note {token} {following}"))[1] == "noted *** ***"
        assert set(guarded.provider.access) == {following}, "it was renewed amid the run"


async def test_a_token_that_is_refused_is_renewed_once_and_the_call_is_made_once(netra: Served) -> None:
    user, guarded = netra.user(), Guarded()
    async with served(guarded) as origin:
        await authorized(netra, user, guarded, await add(netra, user, origin), "ada")
        guarded.provider.access.clear()
        assert (await told(netra, user, "notes__note hello"))[:2] == [True, "noted hello"]
        assert (guarded.provider.renewed, guarded.witness.notes) == (1, ["hello"])
        assert (await told(netra, user, "notes__note again"))[0] is True
        assert guarded.provider.renewed == 1


async def test_a_refused_renewal_says_authorize_again_in_the_run_and_in_the_list(netra: Served) -> None:
    user, guarded = netra.user(), Guarded()
    async with served(guarded) as origin:
        server_id = await add(netra, user, origin)
        ok, _, error = await told(netra, user, "notes__note hello")
        assert (ok, error["code"]) == (False, "UNKNOWN_TOOL"), "a server that is not authorized has none"
        await authorized(netra, user, guarded, server_id, "ada")
        guarded.provider.access.clear()
        guarded.provider.refresh.clear()
        ((name, words),) = await told(netra, user, "list")
        assert name == "notes__unavailable"
        assert "has to authorize it again" in words
        assert (await listed(netra, user))["authorized"] is False
        await authorized(netra, user, guarded, server_id, "ada")
        assert (await told(netra, user, "notes__note hello"))[0] is True


async def test_a_call_amid_a_run_whose_token_has_ended_fails_and_says_what_to_do(netra: Served) -> None:
    user, guarded = netra.user(), Guarded()
    async with served(guarded) as origin:
        server_id = await add(netra, user, origin)
        await authorized(netra, user, guarded, server_id, "ada")

        async def ended(*_: Any) -> None:
            guarded.provider.access.clear()
            guarded.provider.refresh.clear()

        class Ending(Caller):
            name = "ending"

            async def run(self, scope: Any) -> AgentResult:
                await scope.tools()
                await ended()
                return await super().run(scope)

        netra.runtime.registry.configure(Ending)
        async with connected_user(netra.runtime, user.id) as device:
            device.send(type="execute_agent", agent="ending", message="notes__note hello")
            run = await device.ended_run()
        ok, _, error = json.loads(run["result"]["text"])
        assert (ok, error["code"]) == (False, "MCP_NOT_AUTHORIZED")
        assert f"POST /api/mcp-servers/{server_id}/authorization" in error["hint"]
    assert guarded.witness.notes == []


async def test_two_users_of_one_server_never_share_tokens(netra: Served) -> None:
    ada, bob, guarded = netra.user(), netra.user(), Guarded()
    async with served(guarded) as origin:
        for user, name in ((ada, "ada"), (bob, "bob")):
            await authorized(netra, user, guarded, await add(netra, user, origin), name)
        for user, name in ((ada, "ada"), (bob, "bob")):
            guarded.witness.heads.clear()
            assert (await told(netra, user, f"notes__note of-{name}"))[0] is True
            used = {head["authorization"] for head in guarded.witness.heads}
            assert len(used) == 1
            assert f"access-canary-{name}-" in used.pop()


async def test_a_state_is_its_owners_whoever_brings_it_back(netra: Served) -> None:
    ada, bob, guarded = netra.user(), netra.user(), Guarded()
    async with served(guarded) as origin:
        of_ada, of_bob = await add(netra, ada, origin), await add(netra, bob, origin)
        back = await consent(await begin(netra, ada, of_ada), guarded.provider, "ada")
        async with netra.http(bob) as http:
            stranger = await http.post(f"/api/mcp-servers/{of_ada}/authorization")
            assert (stranger.status_code, stranger.json()["error"]) == (404, "not_found")
            page = await http.get(PATH, params=back, headers=HTML)
            assert f"Netra user {ada.id}" in page.text
            assert (await http.get(f"{PATH}{link_of(page.text)}", headers=HTML)).status_code == 200
        assert (await listed(netra, ada))["authorized"] is True
        assert (await listed(netra, bob)) | {"id": of_bob, "authorized": False} == await listed(netra, bob)


async def test_a_state_counts_once_and_a_wrong_one_never(netra: Served) -> None:
    user, guarded = netra.user(), Guarded()
    async with served(guarded) as origin:
        server_id = await add(netra, user, origin)
        back = await consent(await begin(netra, user, server_id), guarded.provider, "ada")
        key_id, _, sealed = back["state"].partition(".")
        altered = f"{key_id}.{sealed[:40]}{'A' if sealed[40] != 'A' else 'B'}{sealed[41:]}"
        for state in ("", "x", "a.b", altered, f"{'0' * 16}.{sealed}", "é" * 9, "a." + "A" * 5_000):
            wrong = await browse(netra, {**back, "state": state, "confirmed": "1"})
            assert (wrong.status_code, "No authorization waits" in wrong.text) == (400, True), state
        assert guarded.provider.access == {}
        assert (await browse(netra, {**back, "confirmed": "1"})).status_code == 200
        again = await browse(netra, {**back, "confirmed": "1"})
        assert (again.status_code, "No authorization waits" in again.text) == (400, True)
        machine = await browse(netra, {**back, "confirmed": "1"}, Accept="*/*")
        assert machine.json()["error"] == "invalid_frame"
        first = await consent(await begin(netra, user, server_id), guarded.provider, "ada")
        await begin(netra, user, server_id)
        assert (await browse(netra, first)).status_code == 400, "the later one counts"


async def test_an_issuer_that_is_another_one_gets_no_code(netra: Served) -> None:
    user, guarded = netra.user(), Guarded()
    async with served(guarded) as origin:
        back = await consent(await begin(netra, user, await add(netra, user, origin)), guarded.provider, "ada")
        refused = await browse(netra, {**back, "iss": "https://evil.invalid", "confirmed": "1"})
        assert (refused.status_code, "evil" in refused.text) == (400, False)
        assert "/token" not in guarded.paths


async def test_a_denial_is_shown_in_quotes_and_ends_the_authorization(netra: Served) -> None:
    user, guarded = netra.user(), Guarded()
    guarded.provider.denies = True
    async with served(guarded) as origin:
        back = await consent(await begin(netra, user, await add(netra, user, origin)), guarded.provider, "ada")
        page = await browse(netra, {**back, "error": "<script>alert(1)</script>"})
        assert "&lt;script&gt;" in page.text
        assert "<script" not in page.text
        assert (await browse(netra, back)).status_code == 400
        async with netra.http(user) as http:
            assert "mcp_authorization_denied" in (await http.get("/api/audit")).text


async def test_what_waits_and_what_was_given_goes_with_the_server_and_the_user(netra: Served) -> None:
    user, guarded = netra.user(), Guarded()
    async with served(guarded) as origin:
        server_id = await add(netra, user, origin)
        back = await consent(await begin(netra, user, server_id), guarded.provider, "ada")
        async with netra.http(user) as http:
            await http.delete(f"/api/mcp-servers/{server_id}")
        assert (await browse(netra, {**back, "confirmed": "1"})).status_code == 400
        back = await consent(await begin(netra, user, await add(netra, user, origin)), guarded.provider, "ada")
        async with netra.http(user) as http:
            assert (await http.delete("/api/me")).status_code == 200
        assert (await browse(netra, {**back, "confirmed": "1"})).status_code == 400
    assert guarded.provider.access == {}


async def test_a_server_whose_tokens_come_from_inside_is_not_authorized(tmp_path: Path) -> None:
    async with netra_in(tmp_path / "data", egress_networks=(ip_network("127.0.0.1"),)) as netra:
        user, guarded = netra.user(), Guarded(token_endpoint="https://127.0.0.2/token")
        async with served(guarded) as origin, netra.http(user) as http:
            server_id = await add(netra, user, origin)
            back = await consent(await begin(netra, user, server_id), guarded.provider, "ada")
            refused = await browse(netra, {**back, "confirmed": "1"}, Accept="*/*")
            assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
            guarded.publishes = {"registration_endpoint": "https://169.254.169.254/register"}
            refused = await http.post(f"/api/mcp-servers/{server_id}/authorization")
            assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")


async def test_the_browser_comes_back_to_the_public_address(tmp_path: Path) -> None:
    async with netra_in(tmp_path / "data", public_url="https://netra.invalid/base") as netra:
        user, guarded = netra.user(), Guarded()
        async with served(guarded) as origin:
            await begin(netra, user, await add(netra, user, origin))
    (client,) = guarded.provider.clients.values()
    assert [str(each) for each in client.redirect_uris or ()] == [f"https://netra.invalid/base{PATH}"]
    assert client.application_type == "web"


@pytest.mark.validation_point("mcp.redirect")
async def test_a_server_without_a_public_address_sends_no_browser_off_this_machine(netra: Served) -> None:
    user, guarded = netra.user(), Guarded()
    async with served(guarded) as origin, netra.http(user) as http:
        server_id = await add(netra, user, origin)
        for host in ("netra.invalid", "10.0.0.1:8000", "127.0.0.1.invalid"):
            refused = await http.post(f"/api/mcp-servers/{server_id}/authorization", headers={"Host": host})
            assert refused.status_code == 400, (host, refused.text)
            assert "NETRA_PUBLIC_URL" in refused.text
    assert guarded.paths == []


@pytest.mark.parametrize(
    "auth",
    [
        {"type": "oauth", "bearer": "x"},
        {"type": "oauth", "client_secret": "x"},
        {"type": "oauth", "scope": "a\nb"},
        {"type": "other"},
        {"client_id": "x"},
        {"bearer": "x", "scope": "y"},
    ],
)
async def test_what_is_no_oauth_is_refused(netra: Served, auth: dict[str, str]) -> None:
    async with netra.http(netra.user()) as http:
        refused = await http.post("/api/mcp-servers", json={"name": "n", "url": "https://mcp.invalid/", "auth": auth})
        assert refused.status_code == 400, refused.text


async def test_a_server_with_a_key_is_not_authorized(netra: Served) -> None:
    async with netra.http(netra.user()) as http:
        server = {"name": "n", "url": "https://mcp.invalid/", "auth": {"bearer": "x"}}
        server_id = (await http.post("/api/mcp-servers", json=server)).json()["id"]
        refused = await http.post(f"/api/mcp-servers/{server_id}/authorization")
        assert (refused.status_code, "without OAuth" in refused.text) == (400, True)


async def test_the_tokens_of_a_server_are_read_with_the_key_that_follows(tmp_path: Path) -> None:
    guarded = Guarded()
    async with served(guarded) as origin:
        async with netra_in(tmp_path / "data") as netra:
            user = netra.user()
            server_id = await add(netra, user, origin)
            await authorized(netra, user, guarded, server_id, "ada")
            back = await consent(await begin(netra, user, server_id), guarded.provider, "ada")
        async with netra_in(tmp_path / "data", secrets_key=b"n" * 32, secrets_key_previous=KEY) as netra:
            await netra.runtime.mcp_servers.reseal()
            assert (await told(netra, user, "notes__note hello"))[0] is True
            assert (await browse(netra, {**back, "confirmed": "1"})).status_code == 200
