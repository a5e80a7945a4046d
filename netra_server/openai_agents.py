"""Serves agents of the OpenAI Agents SDK, unmodified: every model request and tool call is recorded, so that nothing is done or
paid for twice, whatever becomes of the server.

::

    from agents import Agent
    from netra_server.openai_agents import serve

    AGENTS = serve(Agent(name="helper", instructions="Help."))

``netra serve --app my_module`` serves it. ``docs/howto/openai-agents.md`` says more.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.distribution import install_hint

if TYPE_CHECKING:
    from netra_backend.app.agents.interface import Agent as NetraAgent

try:
    from agents import Agent, RunConfig, RunErrorHandlers, RunHooks

    from netra_backend.app.agents.frameworks.openai_agents.serving import DEFAULT_MAX_TURNS, served
except ImportError as fault:
    if (fault.name or "").partition(".")[0] not in ("agents", "openai"):
        raise
    raise ImportError(f"Agents of the OpenAI Agents SDK need openai-agents: {install_hint('openai-agents')}") from fault

__all__ = ["serve"]


def serve(
    agent: Agent[Any],
    *,
    name: str | None = None,
    description: str | None = None,
    context: Callable[[UserExecutionContext], Any | Awaitable[Any]] | None = None,
    user_mcp: bool = False,
    idempotent_tools: Iterable[str] = (),
    stream: bool = True,
    run_config: RunConfig | None = None,
    max_turns: int | None = DEFAULT_MAX_TURNS,
    hooks: RunHooks[Any] | None = None,
    error_handlers: RunErrorHandlers[Any] | None = None,
    version: str | None = None,
    compatible_versions: Iterable[str] = (),
) -> type[NetraAgent]:
    """The agent as one of Netra's, for ``AGENTS`` of an app; its tools are found in it. ``agent`` itself is not changed.

    ``name`` and ``description`` are those that users see (the agent's own, and its ``handoff_description``). ``context`` makes
    the context of a run, from who asks; it may be async, and is called again after a restart. ``user_mcp`` gives the agent, and
    those that it hands over to, the tools of the MCP servers that the run's user added (``POST /api/mcp-servers``), too.

    A tool acts once: if the server stopped while it was at work, the model reads ``OUTCOME_UNKNOWN`` in place of its result.
    ``idempotent_tools`` are the names of those that may be called again. A tool that ``needs_approval`` asks its user.

    What models say is shown as it comes; with ``stream=False``, for models that cannot stream, when it is whole.

    ``run_config``, ``max_turns``, ``hooks`` and ``error_handlers`` are those of ``Runner.run``; nothing is traced. A run that was
    under way goes on after a restart only with the same ``version`` (by default the source of the module that calls
    this), or if the earlier one is among ``compatible_versions``.

    Raises ``ExtensionError`` (a ``ValueError``) for an agent with a tool that acts past the journal.
    """
    return served(
        agent,
        name=name,
        description=description,
        context=context,
        user_mcp=user_mcp,
        idempotent_tools=idempotent_tools,
        stream=stream,
        run_config=run_config,
        max_turns=max_turns,
        hooks=hooks,
        error_handlers=error_handlers,
        version=version,
        compatible_versions=compatible_versions,
        module=sys._getframe(1).f_globals.get("__name__", ""),
    )
