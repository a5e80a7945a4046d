"""A client of MCP servers for tests: there are no servers, and it keeps what they are asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netra_backend.app.mcp_ports import McpServer, RemoteTool


class _Session:
    def __init__(self, client: CountingClient, server: McpServer) -> None:
        self.client = client
        self.server = server

    async def tools(self, most: int) -> list[RemoteTool]:
        self.client.listed += 1
        return [RemoteTool("act", "Acts.", self.client.schema)]

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        self.client.called.append((self.server.owner, self.server.name, tool, dict(arguments)))
        if "fault" in arguments:
            raise self.client.faults[arguments["fault"]]
        return self.client.result or {"acted": arguments.get("n")}

    async def close(self) -> None:
        raise AssertionError("in the background")


class CountingClient:
    """Counts what is asked of servers. Each has a tool ``act``."""

    def __init__(self) -> None:
        self.listed = 0
        self.result: Any = None
        self.called: list[Any] = []
        self.closed = 0
        self.schema: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}}
        self.faults: dict[str, BaseException] = {}

    async def open(self, server: McpServer, _: Any) -> _Session:
        return _Session(self, server)

    def closing(self, session: Any) -> None:
        self.closed += 1

    async def close(self) -> None:
        raise AssertionError("not by a run")
