"""Tools that act elsewhere: at the provider, which is said, or past the journal, which is refused."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, HostedMCPTool, ShellTool, WebSearchTool
from agents.testing import assistant_message
from openai.types.responses import ResponseFunctionWebSearch

from netra_backend.app.core.errors import ExtensionError
from netra_backend.app.core.events import AgentThinking
from netra_server.openai_agents import serve


async def test_what_the_provider_did_is_said_once(workshop: Any, served: Any) -> None:
    action = {"type": "search", "query": "netra", "queries": None, "sources": None}
    searched = [
        ResponseFunctionWebSearch.construct(id=f"ws_{n}", action=action, status="completed", type="web_search_call")
        for n in range(2)
    ]
    model = served.model(lambda call: [*searched, assistant_message("Found.")])
    served.agent(Agent(name="searcher", model=model, tools=[WebSearchTool()]), stream=False)
    events = await workshop.run("searcher")
    (told,) = [each for each in events if isinstance(each, AgentThinking)]
    assert "searched the web" in told.text
    client = await workshop.killed_after(events, "user_ada", len(events) - 1)
    await client.ended(events[0].run_id)
    assert len(model.calls) == 1


@pytest.mark.parametrize(
    "tool",
    [
        ShellTool(executor=lambda request: ""),
        HostedMCPTool(tool_config={"type": "mcp", "server_label": "s", "server_url": "https://mcp.example.org"}),
    ],
    ids=["shell", "approval"],
)
def test_what_cannot_be_recorded_or_approved_is_refused(tool: Any) -> None:
    with pytest.raises(ExtensionError):
        serve(Agent(name="outer", handoffs=[Agent(name="inner", tools=[tool])]))


def test_what_acts_at_the_provider_is_served() -> None:
    config: Any = {
        "type": "mcp",
        "server_label": "s",
        "server_url": "https://x.example.org",
        "require_approval": "never",
    }
    hosted = ShellTool(environment={"type": "container_auto"})
    assert serve(Agent(name="a", tools=[HostedMCPTool(tool_config=config), hosted])).name == "a"
