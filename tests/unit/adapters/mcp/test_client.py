"""What opens sessions, and closes them."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from netra_backend.app.adapters.mcp import client as module
from netra_backend.app.adapters.mcp.client import SdkClient
from netra_backend.app.core.errors import ToolError
from netra_backend.app.core.limits import USUAL
from netra_backend.app.mcp_ports import McpServer
from netra_backend.distribution import install_hint

SERVER = McpServer("user_ada", "mcp_1", "shop", "https://mcp.invalid/")


async def no_credential(_: Any) -> str:
    return ""


async def test_without_the_sdk_the_agent_reads_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module._SESSION, None)
    monkeypatch.setattr(module, "missing_packages", lambda *_: [f"An MCP client needs mcp: {install_hint('mcp')}"])
    with pytest.raises(ToolError) as fault:
        await SdkClient((), USUAL).open(SERVER, no_credential)
    assert install_hint("mcp") in fault.value.message
    assert fault.value.code == "MCP_UNREACHABLE"


async def test_its_end_waits_for_sessions_that_are_being_closed() -> None:
    closed, gate = [], asyncio.Event()

    class Session:
        async def close(self) -> None:
            await gate.wait()
            closed.append(True)

    client, session = SdkClient((), USUAL), Session()
    given: Any = session
    client.closing(given)
    ending = asyncio.create_task(client.close())
    await asyncio.sleep(0)
    assert not ending.done()
    gate.set()
    await ending
    assert closed == [True]
