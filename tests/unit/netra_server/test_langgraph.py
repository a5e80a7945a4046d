"""``netra_server.langgraph``: one function, and nothing of LangGraph unless it is imported."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import Any

import pytest
from langgraph.graph import START, MessagesState, StateGraph

import netra_server.langgraph
from netra_backend.app.extensions.collection import agent_fault
from netra_backend.distribution import install_hint

WITHOUT = """
import sys
import netra_server, netra_server.testing
from netra_backend.app import wiring, serving
print([name for name in sys.modules if name.split(".")[0] in ("langgraph", "langchain_core", "langchain_openai")])
"""


def graph() -> Any:
    made: Any = StateGraph(MessagesState)
    made.add_node("say", lambda state: {"messages": ["hello"]})
    made.add_edge(START, "say")
    return made


def test_a_graph_becomes_an_agent_that_a_server_takes() -> None:
    agent: Any = netra_server.langgraph.serve(graph(), name="hello", description="Says hello.")
    assert agent_fault(agent) is None
    assert (agent().name, agent().description, agent.__module__) == ("hello", "Says hello.", __name__)
    assert agent.version == netra_server.langgraph.serve(graph()).version  # type: ignore[attr-defined]
    versioned: Any = netra_server.langgraph.serve(graph(), version="7", compatible_versions=["6"])
    assert (versioned().version, versioned().compatible_versions) == ("7", ("6",))


def test_a_server_without_such_agents_loads_nothing_of_it() -> None:
    told = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_a_missing_package_is_told_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netra_backend.distribution.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "netra_server.langgraph")
    with pytest.raises(ModuleNotFoundError) as told:
        importlib.import_module("netra_server.langgraph")
    assert install_hint("langgraph") in str(told.value)
