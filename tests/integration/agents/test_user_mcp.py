"""Agents with the tools of their user's MCP servers, on a whole server with real ones beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.limits import Limits
from test_framework.local_runtime import connected_user
from test_framework.served import Served, serve
from tests.mcp_servers import Witness, answering, served

KEY = b"k" * 32


class Caller:
    """Calls the tool that its message names, with the text that follows; else tells what tools it has."""

    name, description, tools = "caller", "of a test", frozenset({"mcp:*"})

    async def run(self, scope: Any) -> AgentResult:
        tool, _, text = scope.message.partition(" ")
        if not tool.count("__"):
            return AgentResult(json.dumps([[each.name, each.description, each.remote] for each in await scope.tools()]))
        outcome = await scope.use_tool(tool, text=text)
        return AgentResult(json.dumps([outcome.ok, outcome.result, outcome.error]))


class Plain(Caller):
    """Lists no tools of MCP servers."""

    name, tools = "plain", frozenset[str]()


class Asker:
    """Has an agent that lists them do the work: with the rights of both, those are none."""

    name, description, tools = "asker", "of a test", frozenset[str]()

    async def run(self, scope: Any) -> AgentResult:
        return await scope.run_agent("caller", scope.message)  # type: ignore[no-any-return]


@pytest.fixture
async def netra(tmp_path: Path) -> AsyncIterator[Served]:
    async with serve(
        tmp_path / "data",
        [Caller, Plain, Asker],
        secrets_key=KEY,
        egress_networks=(ip_network("127.0.0.0/8"),),
        limits=Limits(mcp_open_s=1.0, tool_s=2.0),
    ) as running:
        yield running


async def add(netra: Served, user: Any, name: str, url: str, **more: Any) -> str:
    async with netra.http(user) as http:
        added = await http.post("/api/mcp-servers", json={"name": name, "url": url, **more})
        assert added.status_code == 201, added.text
        return str(added.json()["id"])


async def told(netra: Served, user: Any, message: str, agent: str = "caller") -> Any:
    async with connected_user(netra.runtime, user.id) as device:
        device.send(type="execute_agent", agent=agent, message=message)
        ended = await device.ended_run()
    return json.loads(ended["result"]["text"])


async def test_a_users_tools_are_listed_marked_and_called_and_are_nobody_elses(netra: Served) -> None:
    ada, bob = netra.user(), netra.user()
    witness, other = Witness(), Witness()
    async with served(witness) as url, served(other) as other_url:
        await add(netra, ada, "notes", f"{url}/mcp", trusted=True, auth={"bearer": "canary-of-ada"})
        await add(
            netra, bob, "notes", f"{other_url}/mcp", trusted=True, auth={"header": "X-Key", "value": "canary-of-bob"}
        )
        listed = await told(netra, ada, "list")
        assert [each[0] for each in listed] == ["notes__note", "notes__refuse", "notes__count"]
        assert listed[0][1:] == ["The MCP server notes describes it so: Write something down.", True]
        ok, result, _ = await told(netra, ada, "notes__note word-of-ada")
        assert (ok, "word-of-ada" in json.dumps(result)) == (True, True)
        await told(netra, bob, "notes__note word-of-bob")
        ok, result, _ = await told(netra, ada, "notes__note canary-of-ada-echoed")
        assert (ok, result) == (True, "noted ***-echoed"), "a server that says the credential again does not show it"
        ok, _, error = await told(netra, ada, "notes__refuse why")
        assert (ok, error["code"]) == (False, "MCP_TOOL_FAILED")
    assert (witness.notes, other.notes) == (["word-of-ada", "canary-of-ada-echoed"], ["word-of-bob"])
    assert {head.get("authorization") for head in witness.heads} == {"Bearer canary-of-ada"}
    assert {head.get("x-key") for head in other.heads} == {"canary-of-bob"}
    assert all("authorization" not in head for head in other.heads)
    for place, foreign in ((witness, (bob.token, bob.id, "of-bob")), (other, (ada.token, ada.id, "of-ada"))):
        seen = json.dumps(place.heads) + b"".join(place.bodies).decode()
        assert not [each for each in (ada.token, bob.token, *foreign) if each in seen]


@pytest.mark.parametrize("agent", ["plain", "asker"])
async def test_an_agent_that_does_not_list_them_has_none_and_asks_no_server(netra: Served, agent: str) -> None:
    user, witness = netra.user(), Witness()
    async with served(witness) as url:
        await add(netra, user, "notes", f"{url}/mcp", trusted=True)
        assert await told(netra, user, "list", agent) == []
        ok, _, error = await told(netra, user, "notes__note x", agent)
        assert (ok, error["code"]) == (False, "UNKNOWN_TOOL")
    assert witness.heads == []


@pytest.mark.parametrize(("decision", "notes"), [("approve", ["x"]), ("deny", [])])
async def test_a_server_that_is_not_trusted_is_called_if_its_user_agrees(
    netra: Served, decision: str, notes: list[str]
) -> None:
    user, witness = netra.user(), Witness()
    async with served(witness) as url:
        await add(netra, user, "notes", f"{url}/mcp")
        message = "notes__note x"
        async with netra.running(user, "approval_requested", agent="caller", message=message) as (device, asked):
            assert (asked["tool"], asked["arguments"], witness.notes) == ("notes__note", {"text": "x"}, [])
            assert "did not mark as trusted" in asked["reason"]
            word = {"decision": decision, "arguments_hash": asked["arguments_hash"]}
            async with netra.http(user) as http:
                assert (await http.post(f"/api/approvals/{asked['approval_id']}", json=word)).status_code == 200
            await device.ended_run()
    assert witness.notes == notes


async def test_a_server_that_is_down_or_slow_or_forbidden_says_so_and_costs_the_others_nothing(netra: Served) -> None:
    user, witness, never = netra.user(), Witness(), asyncio.Event()

    async def wait(*_: Any) -> Any:
        await never.wait()

    async with served(witness) as url, served(answering(initialize=wait, server_discover=wait)) as slow:
        await add(netra, user, "down", "http://127.0.0.1:1/mcp")
        await add(netra, user, "slow", f"{slow}/mcp")
        await add(netra, user, "inside", "http://10.0.0.1/mcp")
        await add(netra, user, "notes", f"{url}/mcp", trusted=True)
        listed = {name: words for name, words, _ in await told(netra, user, "list")}
        assert list(listed) == [
            "down__unavailable", "slow__unavailable", "inside__unavailable", "notes__note", "notes__refuse", "notes__count",
        ]  # fmt: skip
        assert "cannot be reached" in listed["down__unavailable"]
        assert "did not" in listed["slow__unavailable"]
        assert "no address that this server may call" in listed["inside__unavailable"]
        ok, _, error = await told(netra, user, "down__unavailable x")
        assert (ok, error["code"]) == (False, "MCP_UNREACHABLE")
        ok, _, error = await told(netra, user, "down__absent x")
        assert (ok, error["code"]) == (False, "UNKNOWN_TOOL")
        never.set()


async def test_all_sessions_of_a_run_end_with_it(netra: Served) -> None:
    user, witness = netra.user(), Witness()
    async with served(witness) as url:
        await add(netra, user, "notes", f"{url}/mcp", trusted=True)
        await told(netra, user, "notes__note x")
        await netra.runtime.services.mcp_client.close()
    assert not [task for task in asyncio.all_tasks() if "SdkSession" in repr(task)]
