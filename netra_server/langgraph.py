"""Graphs of LangGraph, unmodified, served with every model request and tool call in the journal.

::

    from netra_server.langgraph import serve

    AGENTS = [serve(graph, name="travel", description="Plans journeys and books them.")]

``netra serve --app MODULE`` then serves it. Needs the extra ``langgraph``.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from netra_backend.distribution import missing_packages

if missing := missing_packages("netra_server.langgraph", "langgraph", "langgraph", "langchain_core"):
    raise ModuleNotFoundError(missing[0], name="langgraph")

from netra_backend.app.agents.frameworks.langgraph.served import serve as _serve
from netra_backend.app.agents.frameworks.langgraph.user_mcp import user_tools as _user_tools

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from netra_backend.app.agents.interface import Agent, RunScope
    from netra_backend.app.services.user_execution_context import UserExecutionContext

__all__ = ["serve", "user_tools"]


def user_tools() -> list[BaseTool]:
    """The tools of the MCP servers that the run's user added (``POST /api/mcp-servers``). Call it in each node that needs them:
    bind them to the node's model, and give them to a ``ToolNode`` that the node invokes. They are the same for the whole run and
    belong to no other, so keep none.

    Empty outside of served runs, inside of a tool, and if the graph was served without ``user_mcp=True``.
    """
    return _user_tools()


def serve(
    graph: Any,
    *,
    name: str | None = None,
    description: str | None = None,
    make_input: Callable[[RunScope], Any | Awaitable[Any]] | None = None,
    context: Callable[[UserExecutionContext], Any] | None = None,
    user_mcp: bool = False,
    version: str | None = None,
    compatible_versions: Iterable[str] = (),
) -> type[Agent]:
    """One agent of Netra's that runs this ``StateGraph``, or graph that was compiled without a checkpointer, a store and a cache:
    each run brings its own, which outlive a crash.

    ``name``: else the graph's own. The user's message is a human message in the graph's ``messages``, else the value of its only
    input key; ``make_input`` makes another input of the run's scope. Nodes find their user as
    ``config["configurable"]["user_id"]``, which the server sets; ``context`` makes LangGraph's runtime context of who asks.
    ``user_mcp`` lets nodes have the tools of the MCP servers that the run's user added (``user_tools``).
    ``version`` says which code this is, else a digest of the module that calls ``serve`` does; runs that
    ``compatible_versions`` began go on with it.

    A tool acts once unless its metadata say otherwise: ``metadata={"netra": {"idempotent": True}}``, with ``timeout_s``,
    ``permission`` (the scope its user needs), ``approval`` (true, or why), ``redact``.

    Raises ``TypeError`` for what is no graph, and ``ValueError``, with what to change, for one that cannot be served.
    """
    return _serve(
        graph,
        name=name,
        description=description,
        make_input=make_input,
        context=context,
        user_mcp=user_mcp,
        version=version,
        compatible_versions=compatible_versions,
        module=sys._getframe(1).f_globals.get("__name__", ""),
    )
