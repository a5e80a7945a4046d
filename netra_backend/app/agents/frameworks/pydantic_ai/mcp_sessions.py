"""Sessions with MCP servers: each run opens its own, from the transport that its toolset names, and shares it with no other."""

from __future__ import annotations

import copy
from typing import Any

from fastmcp.client.transports import FastMCPTransport, SSETransport, StdioTransport, StreamableHttpTransport
from pydantic_ai.durable_exec._toolset import DurableMCPToolset, RunHeldToolset
from pydantic_ai.exceptions import UserError
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.toolsets import AbstractToolset


class SessionOfRun(DurableMCPToolset[Any]):
    """The toolset of an agent whose runs each have a session of their own."""

    async def for_run(self, ctx: Any) -> AbstractToolset[Any]:
        of_run = copy.copy(self)
        of_run._run_held = RunHeldToolset(self.id or "", await fresh(self._mcp_toolset, ctx))
        return of_run


def check(toolset: MCPToolset[Any]) -> None:
    """Raises ``UserError`` if no run can have a session of its own with this toolset."""
    name = toolset.id or repr(toolset)
    if toolset.is_running or toolset.client.is_connected():
        raise UserError(
            f"The MCP toolset {name} is connected already, so that all users would share its session: hand it over before it is "
            "entered, or name it in stateless_toolsets."
        )
    options = toolset._client_options
    if options is not None and options["http_client"] is not None:
        raise UserError(
            f"The MCP toolset {name} has an HTTP client of its own, whose cookies all users would share: leave http_client out, "
            "or name the toolset in stateless_toolsets."
        )
    transport = toolset.client.transport
    if not isinstance(transport, StreamableHttpTransport | SSETransport | FastMCPTransport | StdioTransport):
        raise UserError(
            f"The transport of the MCP toolset {name} ({type(transport).__name__}) cannot be opened twice, and each run needs a "
            "session of its own: give it an address or a command, or name it in stateless_toolsets."
        )


async def fresh(toolset: MCPToolset[Any], ctx: Any) -> MCPToolset[Any]:
    """The same toolset with a session of its own, not yet opened."""
    of_run = await toolset.for_run(ctx)
    if of_run is toolset:
        of_run = copy.copy(toolset)
        vars(of_run).pop("_enter_lock", None)
        of_run._server_initiated_handlers = list(toolset._server_initiated_handlers)
        if toolset._client_options is not None:
            of_run.client = of_run._build_client(auth=toolset._static_auth, headers=toolset._static_headers)
        else:
            of_run.client = toolset.client.new()
    transport = of_run.client.transport
    if isinstance(transport, StdioTransport):  # the process is the session: it ends with the run
        of_run.client.transport = StdioTransport(
            transport.command,
            transport.args,
            transport.env,
            transport.cwd,
            keep_alive=False,
            log_file=transport.log_file,
        )
    return of_run
