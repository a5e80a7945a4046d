"""Opens sessions with MCP servers of users, each for one run, and closes them; and asks their authorization servers."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any, Final

from ....distribution import missing_packages
from ...core.errors import ToolError
from ...core.limits import Limits
from ...core.settings_values import Network
from ...mcp_ports import BegunAuthorization, Credential, Grant, McpServer, McpSession, Tokens, WantedAccess
from ..outbound.destinations import Destinations

_SESSION: Final = "netra_backend.app.adapters.mcp.session"
_AUTHORIZATION: Final = "netra_backend.app.adapters.mcp.authorization"


class SdkClient:
    """``mcp_ports.McpClient`` and ``AuthorizationClient``. The SDK is loaded when it is first needed, beside the
    loop: that takes half a second."""

    def __init__(self, networks: tuple[Network, ...], limits: Limits) -> None:
        self._destinations = Destinations(networks)
        self._limits = limits
        self._closing: set[asyncio.Task[None]] = set()

    async def open(self, server: McpServer, credential: Credential) -> McpSession:
        made = await _loaded(_SESSION)
        session = made.SdkSession(server, credential, self._destinations, self._limits)
        await session.open()
        opened: McpSession = session
        return opened

    async def begin(self, server: McpServer, wanted: WantedAccess, redirect_uri: str, state: str) -> BegunAuthorization:
        begun: BegunAuthorization = await (await self._authorization(server)).begin(wanted, redirect_uri, state)
        return begun

    async def redeem(self, server: McpServer, grant: Grant, code: str, verifier: str, redirect_uri: str) -> Tokens:
        tokens: Tokens = await (await self._authorization(server)).redeem(grant, code, verifier, redirect_uri)
        return tokens

    async def renew(self, server: McpServer, grant: Grant, refresh: str) -> Tokens:
        tokens: Tokens = await (await self._authorization(server)).renew(grant, refresh)
        return tokens

    async def _authorization(self, server: McpServer) -> Any:
        return (await _loaded(_AUTHORIZATION)).SdkAuthorization(server, self._destinations, self._limits)

    def closing(self, session: McpSession) -> None:
        task = asyncio.get_running_loop().create_task(session.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        if self._closing:
            await asyncio.wait(self._closing)


async def _loaded(module: str) -> Any:
    try:
        return await asyncio.to_thread(importlib.import_module, module)
    except ImportError:
        told = "".join(missing_packages("An MCP client", "mcp", "mcp"))
        raise ToolError("MCP_UNREACHABLE", told or "The MCP client cannot be loaded.") from None
