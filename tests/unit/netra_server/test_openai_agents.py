"""The public module serves agents of the SDK, and nothing loads the SDK but it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from agents import Agent, function_tool

from netra_backend.app.core.errors import ExtensionError
from netra_backend.app.extensions.collection import agent_fault
from netra_server.openai_agents import serve


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test")


def test_a_served_agent_is_one_of_an_app() -> None:
    @function_tool
    def look() -> str:
        """Looks."""
        return ""

    inner = Agent(name="inner", tools=[look])
    made = serve(Agent(name="Outer one", handoff_description="Helps.", handoffs=[inner]), name="outer")
    assert agent_fault(made) is None
    agent = made()
    assert (agent.name, agent.description, agent.tools) == ("outer", "Helps.", frozenset({"look"}))
    assert serve(inner)().name == "inner"


def test_its_code_is_that_of_the_module_that_serves_it() -> None:
    agent = Agent(name="a")
    assert serve(agent)().version == serve(agent)().version  # type: ignore[attr-defined]
    assert serve(agent, version="2")().version == "2"  # type: ignore[attr-defined]


def test_a_tool_that_is_not_there_is_no_idempotent_one() -> None:
    with pytest.raises(ExtensionError, match="look_up"):
        serve(Agent(name="a"), idempotent_tools={"look_up"})


def test_a_server_without_such_agents_does_not_load_the_sdk() -> None:
    code = (
        "import sys, netra_server, netra_server.client, netra_backend.app.wiring;"
        "from netra_server import Agent, create_app, tool;"
        "sys.exit('agents' in sys.modules or 'openai' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
