"""An object of a framework that a module names as it is: the fault says what to write."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from netra_backend.app.extensions.collection import Collection
from netra_backend.app.extensions.framework_objects import unserved_hint


def pydantic_ai_agent() -> Any:
    from pydantic_ai import Agent

    return Agent(name="a")


def state_graph() -> Any:
    from langgraph.graph import START, MessagesState, StateGraph

    graph = StateGraph(MessagesState)
    graph.add_node("ask", lambda state: state)
    graph.add_edge(START, "ask")
    return graph


def compiled_graph() -> Any:
    return state_graph().compile()


def openai_agent() -> Any:
    from agents import Agent

    return Agent(name="a")


def langchain_tool() -> Any:
    from langchain_core.tools import tool

    return tool(_look)


def pydantic_ai_tool() -> Any:
    from pydantic_ai import Tool

    return Tool(_look)


def openai_tool() -> Any:
    from agents import function_tool

    return function_tool(_look)


def _look() -> str:
    """Looks."""
    return ""


AGENTS = [
    (pydantic_ai_agent, "an agent of pydantic-ai", "agent", "netra_server.pydantic_ai"),
    (state_graph, "a graph of LangGraph", "graph", "netra_server.langgraph"),
    (compiled_graph, "a graph of LangGraph", "graph", "netra_server.langgraph"),
    (openai_agent, "an agent of the OpenAI Agents SDK", "agent", "netra_server.openai_agents"),
]


@pytest.mark.parametrize(("make", "what", "name", "module"), AGENTS)
def test_an_agent_that_is_not_served_is_told_how_it_is(
    make: Callable[[], Any], what: str, name: str, module: str
) -> None:
    collection = Collection()
    collection.take([make()], "mine:AGENTS")
    assert collection.faults == [
        f"mine:AGENTS[0] is {what} that is not served: write AGENTS = [serve({name})], with serve from {module}."
    ]


def test_so_is_one_that_a_function_makes() -> None:
    collection = Collection()
    collection.take(openai_agent, "mine:make")
    assert "what it makes is an agent of the OpenAI Agents SDK that is not served: write" in collection.faults[0]


@pytest.mark.parametrize(
    ("make", "framework"),
    [
        (langchain_tool, "LangChain"),
        (pydantic_ai_tool, "pydantic-ai"),
        (openai_tool, "the OpenAI Agents SDK"),
    ],
)
def test_a_list_of_a_frameworks_tools_is_told_once_that_it_needs_another_name(
    make: Callable[[], Any], framework: str
) -> None:
    collection = Collection()
    collection.take([make(), make()], "mine:TOOLS")
    assert collection.faults == [
        f"mine:TOOLS holds tools of {framework}, and TOOLS are Netra's own: a served agent brings its tools itself, so give this "
        "another name."
    ]


@pytest.mark.parametrize(("make", "what", "name", "module"), AGENTS)
def test_a_module_that_names_nothing_to_serve_but_has_one_is_told_which(
    make: Callable[[], Any], what: str, name: str, module: str
) -> None:
    mine = ModuleType("mine")
    mine.helper = make()  # type: ignore[attr-defined]
    assert unserved_hint(mine) == f" helper is {what}: write AGENTS = [serve(helper)], with serve from {module}."
    assert unserved_hint(ModuleType("empty")) == ""


def test_no_framework_is_loaded_to_know_its_objects() -> None:
    code = (
        "import sys, netra_backend.app.extensions.collection as kept;"
        "kept.Collection().take([7], 'mine:X');"
        "sys.exit(bool({'agents', 'langgraph', 'pydantic_ai', 'langchain_core'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
