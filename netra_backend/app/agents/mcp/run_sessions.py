"""The sessions of one run with the MCP servers of its user: each opened when it is first needed, shared with no other run, and
opened anew after a failure."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ...core import mcp_points
from ...core.errors import DependencyUnavailable, EgressRefused, SSotIsolationError, ToolError
from ...core.hidden_values import SHORTEST
from ...core.limits import Limits
from ...mcp_ports import Credential, McpClient, McpServer, McpSession
from ...services.mcp_authorizations import McpAuthorizations
from ...services.mcp_servers import McpServers
from .listing import FrozenTool, frozen, unavailable

_BEARER: Final = "Bearer "


class _Held:
    """A session, and how many calls are under way in it."""

    __slots__ = ("calls", "is_over", "session")

    def __init__(self, session: McpSession) -> None:
        self.session = session
        self.calls = 0
        self.is_over = False


class RunSessions:
    """For ``owner``, who is the run's user. What the run records from then on does not show what ``hide`` was given: the
    credential of each server that is asked, and each of its tokens."""

    def __init__(
        self,
        servers: McpServers,
        authorizations: McpAuthorizations,
        client: McpClient,
        owner: str,
        limits: Limits,
        hide: Callable[[str], None],
    ) -> None:
        self._servers = servers
        self._authorizations = authorizations
        self._client = client
        self._owner = owner
        self._limits = limits
        self._hide = hide
        self._held: dict[str, _Held] = {}
        self._opening: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._is_closed = False
        self.asking = asyncio.Lock()
        self.found: Mapping[str, Any] | None = None
        """The run's tools by their names, once they were asked for, which is ``asking``."""

    async def listing(self) -> list[FrozenTool]:
        """The tools of all servers, in their order, as many as a run may have. A server that cannot be used costs its own tools:
        one that says so stands for them. Raises ``DependencyUnavailable`` if the servers cannot be read."""
        servers = await self._servers.of(self._owner)
        listed = await asyncio.gather(*map(self._listed, servers))
        found: list[FrozenTool] = []
        for server, tools in zip(servers, listed, strict=True):
            await asyncio.sleep(0)  # others have their turn: judging the schemas of a server takes a while
            room = self._limits.mcp_tools - len(found)
            found += (
                [unavailable(server, tools)] if isinstance(tools, str) else frozen(server, tools, self._limits, room)
            )
        return found[: self._limits.mcp_tools]

    async def _listed(self, server: McpServer) -> Any:
        """The server's tools, or why there are none."""
        held: _Held | None = None
        try:
            async with asyncio.timeout(self._limits.mcp_open_s):
                held = await self._session(server)
                return await held.session.tools(self._limits.mcp_tools)
        except TimeoutError:
            problem = f"It did not tell its tools within {self._limits.mcp_open_s:g} s."
        except (ToolError, EgressRefused) as fault:
            problem = fault.message
        if held is not None:
            self._give_up(server.server_id, held)
        return problem

    async def call(self, tool: FrozenTool, arguments: Mapping[str, Any]) -> Any:
        """Call a tool, once. Raises ``ToolError``, ``EgressRefused``, ``DependencyUnavailable``."""
        if tool.problem:
            raise ToolError("MCP_UNREACHABLE", tool.problem, hint="Do without its tools, or try later.")
        server = await self._servers.find(self._owner, tool.server_id)
        if server is None:
            raise ToolError(
                "MCP_UNREACHABLE", f"The MCP server of {tool.name} is not there any more.", hint="Do without it."
            )
        held = await self._session(server)
        held.calls += 1
        try:
            return await held.session.call(tool.remote, arguments)
        except BaseException:
            self._give_up(server.server_id, held)
            raise
        finally:
            held.calls -= 1
            self._close_if_over(held)

    async def _session(self, server: McpServer) -> _Held:
        if server.owner != self._owner:
            raise SSotIsolationError(
                "SSOT isolation: an MCP server of another user is not for this run", point=mcp_points.MCP_SESSION
            )
        async with self._opening[server.server_id]:
            held = self._held.get(server.server_id)
            if held is None:
                self._hide_credential(server.credential)
                held = _Held(await self._client.open(server, self._credential_of(server)))
                if self._is_closed:
                    self._client.closing(held.session)
                    raise DependencyUnavailable("The run has ended.")
                self._held[server.server_id] = held
        return held

    def _credential_of(self, server: McpServer) -> Credential:
        async def credential(refused: Sequence[str]) -> str:
            if not server.uses_oauth:
                return server.credential
            before = [each.removeprefix(_BEARER) for each in refused]
            value = _BEARER + await self._authorizations.token(server.owner, server.server_id, before)
            self._hide_credential(value)
            return value

        return credential

    def _hide_credential(self, credential: str) -> None:
        for value in (credential, credential.removeprefix(_BEARER)):
            if len(value) >= SHORTEST:
                self._hide(value)

    def _give_up(self, server_id: str, held: _Held) -> None:
        """Ask no more of this session: the next call has another one."""
        if self._held.get(server_id) is held:
            del self._held[server_id]
            held.is_over = True
            self._close_if_over(held)

    def _close_if_over(self, held: _Held) -> None:
        if held.is_over and not held.calls:
            held.is_over = False
            self._client.closing(held.session)

    def close(self) -> None:
        """End all sessions. May be called again."""
        self._is_closed = True
        while self._held:
            _, held = self._held.popitem()
            self._client.closing(held.session)
