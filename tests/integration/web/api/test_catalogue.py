"""What can be asked, and what answers with."""

from __future__ import annotations

import pytest

from test_framework.served import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_agents_are_listed_with_their_tools(served: Served) -> None:
    async with served.http(served.user()) as http:
        told = (await http.get("/api/agents")).json()
    agents = {agent["name"]: agent for agent in told["agents"]}
    assert told["default"] == "supervisor"
    assert {"supervisor", "triage_agent", "cost_optimizer", "echo"} <= set(agents)
    assert agents["echo"] == {"name": "echo", "description": "Repeats what it is told.", "tools": ["repeat"]}


async def test_tools_are_listed_with_their_arguments(served: Served) -> None:
    async with served.http(served.user()) as http:
        tools = {tool["name"]: tool for tool in (await http.get("/api/tools")).json()["tools"]}
    assert tools["repeat_if_allowed"]["approval"]
    assert tools["repeat"]["permission"] == "usage"
    assert "text" in str(tools["repeat"]["arguments"])
