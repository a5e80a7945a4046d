"""One session with one MCP server, for one run. A task of its own holds it: the SDK must close it in the task that opened it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
import mcp_types as types
from mcp import Client, ClientSession, MCPError
from mcp.client.streamable_http import streamable_http_client
from pydantic import TypeAdapter, ValidationError

from ....distribution import NAME, version
from ...core.errors import DependencyUnavailable, EgressRefused, ToolError
from ...core.limits import Limits
from ...mcp_ports import Credential, McpServer, RemoteTool
from ..outbound.destinations import Destinations
from ..outbound.origin_pool import NotConnected, OriginPool
from .results import plain_result
from .transport import SessionTransport

_LOG: Final = logging.getLogger("netra.mcp")
_CLOSE_S: Final = 2.0
_PAGES: Final = 20
_RESULT: Final[TypeAdapter[types.CallToolResult]] = TypeAdapter(types.CallToolResult)
_NOT_TAKEN: Final = frozenset({types.METHOD_NOT_FOUND, types.INVALID_PARAMS})
"""Answers that say that nothing was done."""


class SdkSession:
    """``mcp_ports.McpSession``. Declares no sampling, no elicitation and no roots, and hears nothing that it did not ask for."""

    def __init__(self, server: McpServer, credential: Credential, destinations: Destinations, limits: Limits) -> None:
        self._server = server
        self._limits = limits
        silence_s = max(limits.tool_s, limits.mcp_open_s)
        pool = OriginPool(
            server.url, destinations, server.owner, silence_s=silence_s, most_bytes=limits.mcp_answer_bytes
        )
        self._transport = SessionTransport(pool, server.header, credential)
        self._ended = asyncio.Event()
        self._session: ClientSession | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Shake hands. Raises ``ToolError``, ``EgressRefused``; the session is closed then."""
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[ClientSession] = loop.create_future()
        self._task = loop.create_task(self._hold(ready))
        either: set[asyncio.Future[Any]] = {ready, self._task}
        try:
            async with asyncio.timeout(self._limits.mcp_open_s):
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            await self.close()
            raise self._unreachable(f"It did not answer within {self._limits.mcp_open_s:g} s.") from None
        except asyncio.CancelledError:
            await self.close()
            raise
        if not ready.done():
            await self.close()
            self._raise_fault()
            raise self._unreachable("It does not speak MCP.")
        self._session = ready.result()

    async def _hold(self, ready: asyncio.Future[ClientSession]) -> None:
        timeout = httpx2.Timeout(None)  # the pool has its own
        agent = {"User-Agent": f"{NAME}/{version()}"}
        try:
            async with (
                httpx2.AsyncClient(transport=self._transport, timeout=timeout, trust_env=False, headers=agent) as http,
                Client(
                    streamable_http_client(
                        self._server.url, http_client=http, max_sse_event_size=self._limits.mcp_answer_bytes
                    ),
                    client_info=types.Implementation(name=NAME, version=version()),
                    cache=None,
                ) as client,
            ):
                ready.set_result(client.session)
                await self._ended.wait()
        except Exception as fault:  # whatever the SDK makes of what a server sends
            _LOG.info("a session with an MCP server failed", extra={"fault": type(fault).__name__})

    async def tools(self, most: int) -> list[RemoteTool]:
        session, found, cursor = self._open_session(), list[RemoteTool](), None
        async with self._told("tools/list"):
            for _ in range(_PAGES):
                page = await session.list_tools(params=types.PaginatedRequestParams(cursor=cursor))
                found += [RemoteTool(each.name, each.description or "", each.input_schema) for each in page.tools]
                cursor = page.next_cursor
                if cursor is None or len(found) >= most:
                    break
        return found[:most]

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        session = self._open_session()
        request = types.CallToolRequest(params=types.CallToolRequestParams(name=tool, arguments=dict(arguments)))
        async with self._told(tool):
            result = await session.send_request(request, _RESULT)
        return plain_result(result, self._limits.mcp_result_bytes)

    def _open_session(self) -> ClientSession:
        assert self._session is not None, "it was opened"
        self._transport.take_fault()
        return self._session

    @asynccontextmanager
    async def _told(self, asked: str) -> AsyncIterator[None]:
        """Turn what the SDK raises into what an agent may read."""
        try:
            yield
        except MCPError as fault:
            self._raise_fault()
            taken = (
                "" if fault.error.code in _NOT_TAKEN else "It may have taken effect: check before you ask for it again."
            )
            raise ToolError(
                "MCP_ERROR",
                f"The MCP server {self._server.name} refused {asked}: {fault.error.message[:500]}",
                hint=taken or "Change the arguments, or do without this tool.",
            ) from fault
        except (ValidationError, RuntimeError, ValueError) as fault:
            raise ToolError(
                "MCP_ERROR",
                f"The MCP server {self._server.name} answered {asked} with what is no answer.",
                hint="It may have taken effect: check before you ask for it again.",
            ) from fault

    def _raise_fault(self) -> None:
        fault = self._transport.take_fault()
        if isinstance(fault, EgressRefused | ToolError):
            raise fault
        if isinstance(fault, NotConnected):
            raise self._unreachable(fault.message)
        if isinstance(fault, DependencyUnavailable):
            raise ToolError(
                "MCP_ERROR",
                f"The MCP server {self._server.name}: {fault.message}",
                hint="It may have taken effect: check before you ask for it again.",
            )

    def _unreachable(self, why: str) -> ToolError:
        return ToolError(
            "MCP_UNREACHABLE",
            f"The MCP server {self._server.name} cannot be used: {why}",
            hint="Do without its tools, or try later.",
        )

    async def close(self) -> None:
        self._ended.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=_CLOSE_S)
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_CLOSE_S)
            if self._task.done() and not self._task.cancelled():
                self._task.exception()  # nobody needs it: the session has ended
