"""Says what to write if a module names an object of another framework as it is, without loading any framework."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

_PYDANTIC_AI: Final = ("pydantic-ai", "netra_server.pydantic_ai")
_LANGGRAPH: Final = ("LangGraph", "netra_server.langgraph")
_OPENAI: Final = ("the OpenAI Agents SDK", "netra_server.openai_agents")

_AGENTS: Final = {
    "pydantic_ai.agent.abstract.AbstractAgent": ("an agent", *_PYDANTIC_AI),
    "langgraph.graph.state.StateGraph": ("a graph", *_LANGGRAPH),
    "langgraph.pregel.protocol.PregelProtocol": ("a graph", *_LANGGRAPH),
    "agents.agent.AgentBase": ("an agent", *_OPENAI),
}
"""Base classes by their full names: what an object of each is, of which framework, and the module that serves it."""

_TOOLS: Final = {
    "langchain_core.tools.base.BaseTool": "LangChain",
    "pydantic_ai.tools.Tool": "pydantic-ai",
    "pydantic_ai.toolsets.abstract.AbstractToolset": "pydantic-ai",
    "agents.tool.FunctionTool": "the OpenAI Agents SDK",
}


def framework_fault(found: Any, origin: str) -> str | None:
    """Why ``found`` cannot be added as it is, in one sentence with what to write; ``None`` if no framework of ours made it.

    Tools are said of the list that holds them, so that each of them gives the same sentence.
    """
    bases = _bases(found)
    for base in bases:
        if base in _AGENTS:
            what, framework, module = _AGENTS[base]
            write = f"AGENTS = [serve({'graph' if what == 'a graph' else 'agent'})]"
            return f"{origin} is {what} of {framework} that is not served: write {write}, with serve from {module}."
    for base in bases:
        if base in _TOOLS:
            place = origin.partition("[")[0]
            held = "holds tools" if place != origin else "is a tool"
            return (
                f"{place} {held} of {_TOOLS[base]}, and TOOLS are Netra's own: a served agent brings its tools itself, so give "
                "this another name."
            )
    return None


def unserved_hint(module: ModuleType) -> str:
    """What to write if a module that names nothing to serve has an agent of a framework; ``""`` if it has none."""
    for name, value in vars(module).items():
        for base in _bases(value):
            if base in _AGENTS and not name.startswith("_"):
                what, framework, serving = _AGENTS[base]
                return f" {name} is {what} of {framework}: write AGENTS = [serve({name})], with serve from {serving}."
    return ""


def _bases(found: Any) -> list[str]:
    """The full names of an object's classes, the nearest first."""
    return [f"{each.__module__}.{each.__qualname__}" for each in type(found).__mro__]
