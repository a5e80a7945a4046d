"""The sessions of one run: each its own, opened when it is needed, and given up after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from netra_backend.app.agents.mcp.listing import FrozenTool
from netra_backend.app.agents.mcp.run_sessions import RunSessions
from netra_backend.app.core.errors import DependencyUnavailable, SSotIsolationError, ToolError
from netra_backend.app.core.limits import USUAL
from netra_backend.app.mcp_ports import Credential, McpServer, RemoteTool
from test_framework.waiting import turns, until

OBJECT = {"type": "object", "properties": {}}
ONE = McpServer("user_ada", "mcp_1", "one", "https://one.invalid/")
TWO = McpServer("user_ada", "mcp_2", "two", "https://two.invalid/", trusted=True)
TOOL = FrozenTool("one__act", "", OBJECT, "mcp_1", "act")


class Session:
    """Answers with what it is called with, or raises a given error."""

    def __init__(self, faults: Mapping[str, BaseException]) -> None:
        self.faults = faults
        self.gate = asyncio.Event()
        self.is_closed = False

    async def tools(self, most: int) -> list[RemoteTool]:
        if "tools" in self.faults:
            raise self.faults["tools"]
        if "silence" in self.faults:
            await self.gate.wait()
        return [RemoteTool(f"t{n}", "", OBJECT) for n in range(3)][:most]

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        if tool == "wait":
            await self.gate.wait()
        if tool in self.faults:
            raise self.faults[tool]
        return [tool, dict(arguments)]

    async def close(self) -> None:
        raise AssertionError("in the background")


class Client:
    """Opens sessions, with faults by their servers."""

    def __init__(self, **faults: Mapping[str, BaseException]) -> None:
        self.faults = faults
        self.opened: list[Session] = []
        self.hidden: list[str] = []
        self.values: list[str] = []
        self.gate: asyncio.Event | None = None

    async def open(self, server: McpServer, credential: Credential) -> Session:
        faults = self.faults.get(server.name, {})
        if "open" in faults:
            raise faults["open"]
        if self.gate is not None:
            await self.gate.wait()
        self.values.append(await credential([]))
        self.opened.append(Session(faults))
        return self.opened[-1]

    def closing(self, session: Any) -> None:
        assert not session.is_closed
        session.is_closed = True

    async def close(self) -> None:
        raise AssertionError("not by a run")


class Servers:
    def __init__(self, *servers: McpServer) -> None:
        self.servers = servers

    async def of(self, owner: str) -> list[McpServer]:
        return list(self.servers)

    async def find(self, owner: str, server_id: str) -> McpServer | None:
        return next((each for each in self.servers if each.server_id == server_id), None)


class AuthorizationsOfAda:
    """Has a token for her servers, and another one each time that one is refused."""

    async def token(self, owner: str, server_id: str, refused: Sequence[str] = ()) -> str:
        assert owner == "user_ada"
        return f"canary-{server_id}-{len(refused)}"


def sessions(client: Client, *servers: McpServer, **limits: Any) -> RunSessions:
    known: Any = Servers(*servers)
    tokens: Any = AuthorizationsOfAda()
    bounds = replace(USUAL, mcp_open_s=0.05, **limits)
    return RunSessions(known, tokens, client, "user_ada", bounds, client.hidden.append)


async def test_all_servers_are_listed_in_their_order_and_called_in_the_session_that_listed_them() -> None:
    client = Client()
    run = sessions(client, ONE, TWO)
    listed = await run.listing()
    assert [each.name for each in listed] == [f"{name}__t{n}" for name in ("one", "two") for n in range(3)]
    assert [each.trusted for each in listed] == [False] * 3 + [True] * 3
    assert await run.call(listed[0], {"a": 1}) == ["t0", {"a": 1}]
    assert len(client.opened) == 2
    run.close()
    run.close()
    assert all(each.is_closed for each in client.opened)


async def test_a_run_has_as_many_tools_as_the_limit_says() -> None:
    assert [each.name for each in await sessions(Client(), ONE, TWO, mcp_tools=4).listing()] == [
        "one__t0", "one__t1", "one__t2", "two__t0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"open": ToolError("MCP_UNREACHABLE", "It is down.")}, "It is down."),
        ({"tools": ToolError("MCP_ERROR", "It refused.")}, "It refused."),
        ({"silence": ToolError("MCP_ERROR", "")}, "It did not tell its tools within 0.05 s."),
    ],
)
async def test_a_server_that_cannot_be_listed_costs_its_own_tools(
    fault: Mapping[str, BaseException], words: str
) -> None:
    client = Client(one=fault)
    run = sessions(client, ONE, TWO)
    first, *others = await run.listing()
    assert first.name == "one__unavailable"
    assert words in first.description
    assert [each.name for each in others] == ["two__t0", "two__t1", "two__t2"]
    with pytest.raises(ToolError) as refusal:
        await run.call(first, {})
    assert refusal.value.code == "MCP_UNREACHABLE"
    assert [each.is_closed for each in client.opened] == ([True, False] if "open" not in fault else [False])
    run.close()


async def test_after_a_failure_the_next_call_has_another_session_and_calls_under_way_keep_theirs() -> None:
    client = Client(one={"act": ToolError("MCP_ERROR", "no")})
    run = sessions(client, ONE)
    waiting = asyncio.create_task(run.call(replace_tool("wait"), {}))
    await until(lambda: client.opened)
    await turns()
    with pytest.raises(ToolError):
        await run.call(TOOL, {})
    assert [each.is_closed for each in client.opened] == [False]
    assert await run.call(replace_tool("other"), {}) == ["other", {}]
    assert len(client.opened) == 2
    client.opened[0].gate.set()
    assert await waiting == ["wait", {}]
    assert [each.is_closed for each in client.opened] == [True, False]
    run.close()


def replace_tool(remote: str) -> FrozenTool:
    return FrozenTool(f"one__{remote}", "", OBJECT, "mcp_1", remote)


async def test_calls_at_once_share_the_one_session_of_their_run() -> None:
    client = Client()
    run = sessions(client, ONE)
    await asyncio.gather(*(run.call(TOOL, {"n": n}) for n in range(5)))
    assert len(client.opened) == 1
    run.close()


async def test_a_server_that_was_deleted_is_not_called() -> None:
    client = Client()
    with pytest.raises(ToolError, match="not there any more"):
        await sessions(client, TWO).call(TOOL, {})
    assert client.opened == []


async def test_a_session_that_was_opened_when_its_run_had_ended_is_closed() -> None:
    client = Client()
    client.gate = asyncio.Event()
    run = sessions(client, ONE)
    calling = asyncio.create_task(run.call(TOOL, {}))
    await turns()
    run.close()
    client.gate.set()
    with pytest.raises(DependencyUnavailable):
        await calling
    assert [each.is_closed for each in client.opened] == [True]


async def test_a_credential_is_hidden_from_all_that_its_run_records_before_its_server_is_asked() -> None:
    client = Client(one={"open": ToolError("MCP_UNREACHABLE", "down")})
    run = sessions(client, ONE._replace(credential="Bearer canary-token"), TWO._replace(credential="short"))
    await run.listing()
    assert client.hidden == ["Bearer canary-token", "canary-token"]
    run.close()


async def test_the_token_of_a_server_that_uses_oauth_is_asked_for_when_it_is_sent_and_hidden_each_time() -> None:
    client = Client()
    run = sessions(client, ONE._replace(header="Authorization", uses_oauth=True))
    await run.listing()
    assert client.values == ["Bearer canary-mcp_1-0"]
    assert client.hidden == ["Bearer canary-mcp_1-0", "canary-mcp_1-0"]
    run.close()


@pytest.mark.validation_point("mcp.session")
async def test_a_server_of_another_user_is_never_asked_for_this_run() -> None:
    client = Client()
    run = sessions(client, ONE._replace(owner="user_bob"))
    with pytest.raises(SSotIsolationError):
        await run.call(TOOL, {})
    with pytest.raises(SSotIsolationError):
        await run.listing()
    assert client.opened == []
