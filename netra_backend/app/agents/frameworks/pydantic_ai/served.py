"""An agent of pydantic-ai as an agent of Netra's: a class, of which each run gets an object of its own."""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from pydantic_ai.agent.abstract import AbstractAgent
from pydantic_ai.capabilities import AbstractCapability, ReinjectSystemPrompt
from pydantic_ai.durable_exec import external_event_scope, replay_scope
from pydantic_ai.exceptions import FallbackExceptionGroup, ModelAPIError
from pydantic_ai.toolsets import FunctionToolset

from ....services import model_faults
from ...interface import Agent, AgentResult
from ...supervisor.scope import EngineRunScope
from ...tools.definition import MCP_TOOLS
from .current import RUN, AgentRun
from .deferred import UserWaiter
from .durability import NetraDurability
from .prompts import history, prompt
from .results import result
from .user_mcp import user_toolset

Deps = Callable[[Any], Any]


class Served:
    """What all runs of one agent share: the agent, and the capability that is bound to it when it is first needed, so that tools
    which a module adds after ``serve`` count."""

    def __init__(
        self, agent: AbstractAgent[Any, Any], name: str, deps: Deps | None, stateless: frozenset[str], user_mcp: bool
    ) -> None:
        self._agent = agent
        self._name = name
        self._deps = deps
        self._stateless = stateless
        self._user_mcp = user_mcp

    @cached_property
    def capability(self) -> AbstractCapability[Any]:
        """Raises ``UserError`` if the agent cannot be served."""
        return NetraDurability(name=self._name, stateless_toolsets=self._stateless).for_agent(self._agent)

    @property
    def tool_names(self) -> frozenset[str]:
        """The tools that are known before a run."""
        toolsets = [each for each in self._agent.toolsets if isinstance(each, FunctionToolset)]
        own = frozenset(name for each in toolsets for name in each.tools)
        return own | {MCP_TOOLS} if self._user_mcp else own

    async def run(self, scope: EngineRunScope) -> AgentResult:
        """Runs the agent to its end."""
        run = AgentRun(scope)
        try:
            with at_work(run, self._agent):
                deps = None if self._deps is None else self._deps(scope.context)
                if inspect.isawaitable(deps):
                    deps = await deps
                earlier = await history(scope, self._name)
                of_user = [user_toolset(await scope.user_tools(), scope.context)] if self._user_mcp else None
                done = await self._agent.run(
                    await prompt(scope),
                    message_history=earlier,
                    deps=deps,
                    toolsets=of_user,
                    capabilities=[ReinjectSystemPrompt(), self.capability] if earlier else [self.capability],
                    infer_name=False,
                )
        except (ModelAPIError, FallbackExceptionGroup) as fault:
            raise model_faults.unavailable(fault) from fault
        run.steps.keep_messages(done.new_messages_json())
        return result(done.output)


@contextmanager
def at_work(run: AgentRun, agent: AbstractAgent[Any, Any]) -> Iterator[None]:
    """The agent of this run is at work meanwhile: what it does is recorded."""
    entered = RUN.set(run)
    try:
        with (
            external_event_scope(UserWaiter(run)),
            replay_scope(),
            agent.parallel_tool_call_execution_mode("parallel_ordered_events"),
        ):
            yield
    finally:
        RUN.reset(entered)


def serve(
    agent: AbstractAgent[Any, Any],
    *,
    name: str | None,
    description: str | None,
    deps: Deps | None,
    stateless_toolsets: Iterable[str],
    user_mcp: bool,
    version: str | None,
    compatible_versions: Iterable[str],
    module: str,
) -> type[Agent]:
    """As ``netra_server.pydantic_ai.serve``; ``module`` is the caller's."""
    if not isinstance(agent, AbstractAgent):
        raise TypeError(f"serve takes an agent of pydantic-ai, not {type(agent).__name__}.")
    own_name = name or agent.name
    if not own_name:
        raise ValueError("The agent has no name: write Agent(…, name=…), or serve(agent, name=…).")
    if getattr(agent, "model", None) is None:
        raise ValueError(f"The agent {own_name} has no model: write Agent(MODEL, …).")
    os.environ.setdefault("PYDANTIC_AI_NO_BANNER", "1")  # a server's log is no terminal
    shared = Served(agent, own_name, deps, frozenset(stateless_toolsets), user_mcp)

    def __init__(self: Any) -> None:
        assert shared.capability is not None

    async def run(self: Any, scope: EngineRunScope) -> AgentResult:
        return await shared.run(scope)

    return type(
        own_name,
        (),
        {
            "__init__": __init__,
            "__module__": module,
            "name": own_name,
            "description": _description(agent) if description is None else description,
            "tools": property(lambda _: shared.tool_names),
            "version": version or _digest(module),
            "compatible_versions": tuple(compatible_versions),
            "run": run,
        },
    )


def _description(agent: AbstractAgent[Any, Any]) -> str:
    said = getattr(agent, "description", None)
    return said if isinstance(said, str) else ""


def _digest(module: str) -> str:
    """Tells the code of one version of the agent's module from that of another."""
    try:
        source = inspect.getsource(sys.modules[module])
    except (KeyError, OSError, TypeError):  # it was typed in, or is compiled
        return ""
    return hashlib.sha256(source.encode("utf-8", "backslashreplace")).hexdigest()[:16]
