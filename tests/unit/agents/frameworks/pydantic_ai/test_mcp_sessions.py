"""Each run has sessions of its own with MCP servers, and a toolset that no run can have for itself is refused."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastmcp.client import Client
from fastmcp.client.transports import StdioTransport
from fastmcp.client.transports.base import ClientTransport
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from pydantic_ai import Agent
from pydantic_ai.exceptions import UserError
from pydantic_ai.mcp import MCPToolset

from netra_server.pydantic_ai import serve

from .conftest import Script, Shop, returned

STDIO = """
import os
from mcp.server import MCPServer

server = MCPServer("pids")

@server.tool()
def pid() -> int:
    return os.getpid()

server.run()
"""


class Counting:
    """A server in this process, and how many sessions it had and has."""

    def __init__(self, at_once: int = 1) -> None:
        self.sessions = 0
        self.open = self.most_open = 0
        self.users: dict[int, list[str]] = {}
        counting, all_open = self, asyncio.Barrier(at_once)

        @asynccontextmanager
        async def lifespan(_: Any) -> AsyncIterator[int]:
            counting.sessions += 1
            counting.open += 1
            counting.most_open = max(counting.most_open, counting.open)
            own = counting.sessions
            try:
                yield own
            finally:
                counting.open -= 1

        self.server: Any = MCPServer("counting", lifespan=lifespan)

        @self.server.tool()
        async def greet(name: str, ctx: Context[Any, Any]) -> str:
            """Greets."""
            counting.users.setdefault(ctx.request_context.lifespan_context, []).append(name)
            async with asyncio.timeout(5):
                await all_open.wait()
            return f"Hello, {name}."


def greeting(name: str) -> Script:
    return Script({"greet": {"name": name}}, {"greet": {"name": name}}, "Done.")


async def test_a_toolset_that_a_module_shares_is_opened_anew_for_each_run(shop: Shop, of: Any) -> None:
    counting = Counting()
    script = greeting("Ada")
    shop.serve(shop.agent(script, toolsets=[MCPToolset(counting.server)]))
    events = await shop.run()
    assert returned(script.seen[-1]) == {"greet": "Hello, Ada."}
    assert [each.tool for each in of(events, "ToolExecuting")] == ["greet", "greet"]
    assert (counting.sessions, counting.open) == (1, 0)
    await shop.run()
    assert (counting.sessions, counting.open) == (2, 0)
    assert [len(each) for each in counting.users.values()] == [2, 2]


async def test_a_server_never_sees_two_users_in_one_session(shop: Shop) -> None:
    """From the server's side: each session has the canaries of one user, also while both are open."""
    counting = Counting(at_once=2)

    class Own(Script):
        async def _stream(self, messages: list[Any], info: Any) -> AsyncIterator[Any]:
            name = f"canary-{messages[0].parts[0].content}"
            self.turns = ({"greet": {"name": name}}, {"greet": {"name": name}}, f"Done, {name}.")
            async for each in super()._stream(messages, info):
                yield each

    shop.serve(shop.agent(Own(), toolsets=[MCPToolset(counting.server)]))
    one, two = await asyncio.gather(shop.run("one"), shop.run("two"))
    assert sorted(counting.users.values()) == [["canary-one"] * 2, ["canary-two"] * 2]
    assert counting.most_open == 2
    for events, own, other in ((one, "canary-one", "canary-two"), (two, "canary-two", "canary-one")):
        assert events[-1].result["text"] == f"Done, {own}."
        assert other not in str(events)


async def test_what_was_called_is_not_called_again_after_a_crash(shop: Shop, of: Any) -> None:
    counting = Counting()
    script = greeting("Ada")
    shop.serve(shop.agent(script, toolsets=[MCPToolset(counting.server, id="greeter")]))
    events = await shop.run()
    last = max(place for place, each in enumerate(events, 1) if type(each).__name__ == "ToolCompleted")
    counting.users.clear()
    async for _, after in shop.replays(events, last):
        assert after[-1].result == events[-1].result
    assert counting.users == {}


async def test_a_server_of_its_own_process_ends_with_the_run(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "pids.py").write_text(STDIO)
    shared = StdioTransport(sys.executable, [str(tmp_path / "pids.py")])
    script = Script({"pid": {}}, "Done.")
    shop.serve(shop.agent(script, toolsets=[MCPToolset(shared, init_timeout=60)]))
    pids = set()
    for _ in range(2):
        await shop.run()
        pids.add(int(returned(script.seen[-1])["pid"]))
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_function_of_the_run_may_return_a_toolset_that_a_module_shares(shop: Shop) -> None:
    counting = Counting(at_once=2)
    shared: MCPToolset[Any] = MCPToolset(counting.server)
    agent = shop.agent(greeting("Ada"))

    @agent.toolset(per_run_step=False)
    def of_the_run(_: Any) -> MCPToolset[Any]:
        return shared

    shop.serve(agent)
    await asyncio.gather(shop.run(), shop.run())
    assert not shared.is_running
    assert counting.most_open == 2
    assert [len(each) for each in counting.users.values()] == [2, 2]


class OnceOnly(ClientTransport):
    """Nothing is known of how often it can be opened."""

    def connect_session(self, **_: Any) -> Any:
        raise AssertionError("nobody opens it")


@pytest.mark.parametrize("kind", ["connected", "cookies", "once"])
async def test_a_toolset_that_no_run_can_have_for_itself_is_refused(kind: str) -> None:
    toolset: MCPToolset[Any]
    if kind == "connected":
        toolset = MCPToolset(Counting().server, id="shared")
        await toolset.__aenter__()
    elif kind == "cookies":
        toolset = MCPToolset("http://127.0.0.1:1/mcp", http_client=httpx2.AsyncClient(), id="shared")
    else:
        toolset = MCPToolset(Client(OnceOnly()), id="shared")
    agent: Agent[Any, Any] = Agent("test", name="golden", toolsets=[toolset])
    with pytest.raises(UserError, match=r"shared.*(connected|cookies|opened twice).*stateless_toolsets"):
        serve(agent)()
    if kind == "connected":
        assert serve(agent, stateless_toolsets=["shared"])().name == "golden"
        await toolset.__aexit__(None, None, None)
