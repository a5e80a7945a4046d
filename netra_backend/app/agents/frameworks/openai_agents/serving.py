"""The Netra agent that runs an agent of the OpenAI Agents SDK."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar, cast

import agents
from agents import Agent, FunctionTool, RunConfig, RunErrorHandlers, RunHooks
from agents.run import DEFAULT_MAX_TURNS

from ....core.errors import ExtensionError, NetraError
from ....services.user_execution_context import UserExecutionContext
from ...interface import AgentResult, RunScope
from ...supervisor.scope import EngineRunScope
from ...tools.definition import MCP_TOOLS
from . import results
from .clones import check, cloned, reachable
from .lines import Line
from .mcp_servers import Sessions
from .messages import Attached, ThreadSession
from .provider_key import check_key
from .runner import install

_RUNNER = install()

MakeContext = Callable[[UserExecutionContext], Any | Awaitable[Any]]


class ServedAgent:
    """One run of the agent; ``serve`` makes a subclass for each."""

    name: str
    description: str
    tools: frozenset[str]
    version: str
    compatible_versions: tuple[str, ...]
    agent: ClassVar[Agent[Any]]
    idempotent_tools: ClassVar[frozenset[str]]
    streams: ClassVar[bool]
    make_context: ClassVar[tuple[MakeContext, ...]]
    run_config: ClassVar[RunConfig]
    max_turns: ClassVar[int | None]
    hooks: ClassVar[RunHooks[Any] | None]
    error_handlers: ClassVar[RunErrorHandlers[Any] | None]

    def __init__(self) -> None:
        check_key(reachable(self.agent), self.run_config)
        self.fault: NetraError | None = None
        """What Netra raised in a step, which ends the run whatever the SDK makes of it."""
        self.sessions = Sessions()

    def cloned(self, agent: Agent[Any], line: Line) -> Agent[Any]:
        """A copy of the agent that asks this line."""
        return cloned(agent, line)

    async def run(self, scope: RunScope) -> AgentResult:
        """Answer the message."""
        line = Line(self, cast(EngineRunScope, scope))
        try:
            result = await self._run(line)
        except BaseException as fault:
            line.close(fault)
            if self.fault is not None and isinstance(fault, Exception):
                raise self.fault from fault
            if isinstance(fault, Exception) and (told := results.told(fault)) is not fault:
                raise told from fault
            raise
        finally:
            await self.sessions.close()
        line.close(self.fault)
        if self.fault is not None:
            raise self.fault
        return result

    async def _run(self, line: Line) -> AgentResult:
        scope = line.scope
        context: Any = None
        for make in self.make_context:
            context = make(scope.context)
            if inspect.isawaitable(context):
                context = await context
        attached = Attached(scope.framework.limits.file_bytes)
        message = await attached.message(scope, scope.parts)
        session = ThreadSession(scope, self.name, attached)
        line.user_tools = await scope.user_tools()
        with line.begins():
            result = await _RUNNER.run(
                self.agent,
                [message],
                context=context,
                max_turns=self.max_turns,
                hooks=self.hooks,
                run_config=self.run_config,
                error_handlers=self.error_handlers,
                session=session,
            )
        session.keep()
        return results.result_of(result)


def served(
    agent: Agent[Any],
    *,
    name: str | None,
    description: str | None,
    context: MakeContext | None,
    user_mcp: bool,
    idempotent_tools: Iterable[str],
    stream: bool,
    run_config: RunConfig | None,
    max_turns: int | None,
    hooks: RunHooks[Any] | None,
    error_handlers: RunErrorHandlers[Any] | None,
    version: str | None,
    compatible_versions: Iterable[str],
    module: str,
) -> type[ServedAgent]:
    """As ``netra_server.openai_agents.serve``, called by ``module``."""
    known = {each.name: each for one in reachable(agent) for each in one.tools if isinstance(each, FunctionTool)}
    for one in reachable(agent):
        check(one)
    idempotent = frozenset(idempotent_tools)
    has_servers = any(one.mcp_servers for one in reachable(agent))  # whose tools are not known yet
    if (strange := sorted(idempotent - known.keys())) and not has_servers:
        raise ExtensionError([f"No agent that {agent.name!r} reaches has the tools {', '.join(strange)}."])
    members: dict[str, Any] = {
        "__doc__": f"The agent {agent.name!r}.",
        "__module__": module,
        "name": name or agent.name,
        "description": description or agent.handoff_description or f"The agent {agent.name}.",
        "tools": frozenset(known) | ({MCP_TOOLS} if user_mcp else set()),
        "version": version or _version_of(module),
        "compatible_versions": tuple(compatible_versions),
        "agent": agent,
        "idempotent_tools": idempotent,
        "streams": stream,
        "make_context": () if context is None else (context,),
        "run_config": _checked(run_config or RunConfig()),
        "max_turns": max_turns,
        "hooks": hooks,
        "error_handlers": error_handlers,
    }
    return type("ServedAgent", (ServedAgent,), members)


def _checked(config: RunConfig) -> RunConfig:
    if config.sandbox is not None:
        raise ExtensionError(["A run_config with a sandbox cannot be served: what is done in it is not recorded."])
    return config


def _version_of(module: str) -> str:
    """A digest of the source that the agent is defined in, with the SDK's version: its tasks name the branches of steps."""
    try:
        source = inspect.getsource(sys.modules[module])
    except (KeyError, OSError, TypeError):
        source = ""
    return f"{hashlib.sha256(source.encode('utf-8', 'backslashreplace')).hexdigest()[:16]}-agents-{agents.__version__}"


__all__ = ["DEFAULT_MAX_TURNS", "ServedAgent", "served"]
