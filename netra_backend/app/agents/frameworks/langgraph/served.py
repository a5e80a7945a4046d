"""A graph as an agent of Netra's: what of it is refused, and a class of which each run gets an object of its own."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from langgraph.graph.state import StateGraph
from langgraph.pregel import Pregel

from ...interface import Agent, AgentResult
from ...tools.definition import MCP_TOOLS
from . import chat_models, tool_calls
from .graph_agent import Graph, MakeInput, ServedGraph
from .results import input_key

if TYPE_CHECKING:
    from ...supervisor.scope import EngineRunScope

_OWN: Final = ("thread_id", "checkpoint_id", "checkpoint_ns", "user_id")


def servable(graph: object) -> Graph:
    """The graph, compiled. Raises ``TypeError`` if it is none, and ``ValueError`` with what to change if it brings what is the
    server's."""
    if isinstance(graph, StateGraph):
        graph = graph.compile()
    if not isinstance(graph, Pregel):
        raise TypeError(f"serve takes a StateGraph, or what its compile() made, not {type(graph).__name__}.")
    if graph.checkpointer is not None:
        raise ValueError("The graph has a checkpointer: compile it without one. Each run's checkpoints are in its log.")
    if graph.store is not None:
        raise ValueError("The graph has a store: compile it without one. Each user gets a store of their own.")
    for name, each in [("The graph", graph), *((f"The subgraph {name}", each) for name, each in _subgraphs(graph))]:
        if each.checkpointer and each.checkpointer is not True:
            raise ValueError(
                f"{name} has a checkpointer: compile it without one. Each run's checkpoints are in its log."
            )
        if each.cache is not None:
            raise ValueError(f"{name} has a cache, which all users would share: compile it without one.")
        if each.interrupt_before_nodes or each.interrupt_after_nodes:
            raise ValueError(
                f"{name} stops at nodes (interrupt_before, interrupt_after): call interrupt(…) in the node, which asks the user."
            )
    own = (graph.config or {}).get("configurable") or {}
    if given := [name for name in _OWN if name in own]:
        raise ValueError(f"The graph's config sets {', '.join(given)}: the server does, for each run.")
    return graph


def _subgraphs(graph: Graph) -> list[tuple[str, Graph]]:
    return [(name, each) for name, each in graph.get_subgraphs(recurse=True) if isinstance(each, Pregel)]


def serve(
    graph: object,
    *,
    name: str | None,
    description: str | None,
    make_input: MakeInput | None,
    context: Callable[[Any], Any] | None,
    user_mcp: bool,
    version: str | None,
    compatible_versions: Iterable[str],
    module: str,
) -> type[Agent]:
    """As ``netra_server.langgraph.serve``; ``module`` is the caller's."""
    compiled = servable(graph)
    own_name = name or compiled.get_name()
    if make_input is None and input_key(compiled) is None:
        raise ValueError(f"The input of {own_name} has more than one key and no messages: say make_input=….")
    shared = ServedGraph(compiled, own_name, make_input, context)
    chat_models.install()
    tool_calls.install()

    async def run(self: Any, scope: EngineRunScope) -> AgentResult:
        return await shared.run(scope)

    return type(
        own_name,
        (),
        {
            "__module__": module,
            "name": own_name,
            "description": description or "",
            "tools": frozenset({MCP_TOOLS}) if user_mcp else frozenset[str](),
            "version": version or _digest(module),
            "compatible_versions": tuple(compatible_versions),
            "run": run,
        },
    )


def _digest(module: str) -> str:
    """Which code a module is; ``""`` if its source is not to be had."""
    try:
        source = inspect.getsource(sys.modules[module])
    except (KeyError, OSError, TypeError):
        return ""
    return hashlib.sha256(source.encode("utf-8", "backslashreplace")).hexdigest()[:16]
