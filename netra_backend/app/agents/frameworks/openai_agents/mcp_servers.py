"""The MCP servers of a served agent: each run has a session of its own, opened when it is first needed; what tools there are is
recorded.

A session is opened and closed in a task of its own: those who use it begin and end in any order.
"""

from __future__ import annotations

import asyncio
import copy
from contextlib import AsyncExitStack
from typing import Any, Final

from agents import Agent, RunContextWrapper
from agents.mcp import MCPServer, MCPServerSse, MCPServerStdio, MCPServerStreamableHttp
from mcp.types import Tool

from ....core.errors import ExtensionError
from . import guardrails
from .lines import Line

_OPENED_ANEW: Final = (MCPServerStdio, MCPServerSse, MCPServerStreamableHttp)


def check(agent: str, server: MCPServer) -> None:
    """Raises ``ExtensionError`` for a server with which no run could have a session of its own."""
    if not isinstance(server, _OPENED_ANEW):
        raise ExtensionError(
            [
                f"The agent {agent!r} has the MCP server {server.name!r} ({type(server).__name__}), which cannot be opened anew "
                "for each run: use MCPServerStdio, MCPServerSse or MCPServerStreamableHttp."
            ]
        )
    if server.session is not None:
        raise ExtensionError(
            [
                f"The agent {agent!r} has the MCP server {server.name!r}, which is connected: all users would share its session. "
                "Leave out connect(): Netra opens one for each run."
            ]
        )


class Sessions:
    """The sessions of one run."""

    def __init__(self) -> None:
        self._opened: dict[int, _Session] = {}

    def of(self, server: MCPServer, agent: Agent[Any], line: Line) -> MCPServer:
        """The server as this agent uses it in this run."""
        session = self._opened.get(id(server))
        if session is None:
            session = self._opened[id(server)] = _Session(server)
        return session.used_by(agent, line)

    async def close(self) -> None:
        """Close all that were opened."""
        await asyncio.gather(*(session.close() for session in self._opened.values()))


class _Session:
    def __init__(self, server: MCPServer) -> None:
        self._original = server  # so that its id stays its own
        self._server = _unopened(server)
        self._tools: dict[str, asyncio.Task[list[Any]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[None] | None = None
        self._ends = asyncio.Event()

    def used_by(self, agent: Agent[Any], line: Line) -> MCPServer:
        used: Any = copy.copy(self._server)
        plain = self._server

        async def list_tools(context: RunContextWrapper[Any] | None = None, asked: Any = None) -> list[Tool]:
            async def body() -> list[Any]:
                await self._open()
                tools = await plain.list_tools(context, asked)
                return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]

            key = f"{plain.name}/{agent.name}"[:128]
            if key not in self._tools:  # once for the whole run: they do not change under an agent's hands
                steps = guardrails.step(line, f"tools of {plain.name}", body, key=key)
                self._tools[key] = asyncio.ensure_future(steps)
            return [Tool.model_validate(each) for each in await asyncio.shield(self._tools[key])]

        async def call_tool(name: str, arguments: dict[str, Any] | None, meta: dict[str, Any] | None = None) -> Any:
            await self._open()
            return await plain.call_tool(name, arguments, meta)

        used.list_tools, used.call_tool = list_tools, call_tool
        return used  # type: ignore[no-any-return]

    async def _open(self) -> None:
        """Raises what connecting raises."""
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._hold(self._ready))
        await asyncio.shield(self._ready)

    async def _hold(self, ready: asyncio.Future[None]) -> None:
        try:
            await self._server.connect()
        except Exception as fault:
            self._ready = None  # the next one tries again
            ready.set_exception(fault)
            ready.exception()  # the caller that waited may be gone
            return
        ready.set_result(None)
        try:
            await self._ends.wait()
        finally:
            await self._server.cleanup()

    async def close(self) -> None:
        """Close it, if it was opened."""
        self._ends.set()
        for task in self._tools.values():
            task.cancel()
        if self._task is not None:
            await asyncio.wait({self._task})


def _unopened(server: MCPServer) -> Any:
    """The same server with nothing of a session."""
    made: Any = copy.copy(server)
    made.session = None
    made.exit_stack = AsyncExitStack()
    made._cleanup_lock = asyncio.Lock()
    made._request_lock = asyncio.Lock()
    made.server_initialize_result = None
    made.invalidate_tools_cache()
    made._tools_list = None
    made._get_session_id = None
    made._v2_session_id = None
    return made
