"""Agents of pydantic-ai, unmodified, served with every model request and tool call in the journal.

::

    from netra_server.pydantic_ai import serve
    from pydantic_ai import Agent

    agent = Agent("openai-chat:gpt-5-mini", name="helper", instructions="You help.")
    AGENTS = [serve(agent)]

``netra serve --app MODULE`` then serves it. Needs the extra ``pydantic-ai``.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from netra_backend.distribution import missing_packages

if missing := missing_packages("netra_server.pydantic_ai", "pydantic-ai", "pydantic_ai"):
    raise ModuleNotFoundError(missing[0], name="pydantic_ai")

from netra_backend.app.agents.frameworks.pydantic_ai.served import serve as _serve

if TYPE_CHECKING:
    from pydantic_ai.agent.abstract import AbstractAgent

    from netra_backend.app.agents.interface import Agent
    from netra_backend.app.services.user_execution_context import UserExecutionContext

__all__ = ["serve"]


def serve(
    agent: AbstractAgent[Any, Any],
    *,
    name: str | None = None,
    description: str | None = None,
    deps: Callable[[UserExecutionContext], Any | Awaitable[Any]] | None = None,
    stateless_toolsets: Iterable[str] = (),
    user_mcp: bool = False,
    version: str | None = None,
    compatible_versions: Iterable[str] = (),
) -> type[Agent]:
    """One agent of Netra's that runs this one, as it is.

    ``name`` and ``description``: else the agent's own. ``deps`` makes the agent's dependencies for one run from who asks it; it
    may be async, is called again when a run goes on after a crash, and takes identity from there and nowhere else.
    ``stateless_toolsets`` are ids of MCP toolsets whose one session all users may share. ``user_mcp`` gives the agent, in each
    run, the tools of the MCP servers that the run's user added (``POST /api/mcp-servers``), too. ``version`` says which code this
    is, else a digest of the module that calls ``serve`` does; runs that ``compatible_versions`` began go on with it.

    A tool acts once unless its metadata say otherwise: ``metadata={"netra": {"idempotent": True}}``; ``timeout_s``,
    ``permission`` (the scope its user needs), ``approval`` (true, or why) and ``redact`` are said there, too.

    Raises ``TypeError`` and ``ValueError`` for what is no agent, or has no name or model.
    """
    return _serve(
        agent,
        name=name,
        description=description,
        deps=deps,
        stateless_toolsets=stateless_toolsets,
        user_mcp=user_mcp,
        version=version,
        compatible_versions=compatible_versions,
        module=sys._getframe(1).f_globals.get("__name__", ""),
    )
