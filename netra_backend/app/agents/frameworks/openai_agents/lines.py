"""What one run of the SDK does within a run of Netra's: the agent that a user asked, or one that is another one's tool.

A line knows whose steps they are: after a handoff those of the agent that took over.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token, copy_context
from typing import Any, Final, Protocol

from agents import Agent

from ....core.errors import NetraError
from ...supervisor.scope import EngineRunScope
from ...tools.definition import ForeignTool


class ServedRun(Protocol):
    """The run of Netra's. ``fault`` is what Netra raised in a step, which ends the run whatever the SDK makes of it;
    ``idempotent_tools`` are those that may be called again, and ``streams`` says whether models stream."""

    fault: NetraError | None

    @property
    def streams(self) -> bool: ...

    @property
    def idempotent_tools(self) -> frozenset[str]: ...

    @property
    def sessions(self) -> Any:
        """The sessions with MCP servers (``mcp_servers.Sessions``)."""

    def cloned(self, agent: Agent[Any], line: Line) -> Agent[Any]:
        """A copy of the agent that asks this line."""


CURRENT: Final[ContextVar[Line | None]] = ContextVar("netra_openai_agents_line", default=None)
"""The line that a run of the SDK belongs to, if it begins here."""


class Line:
    """One run of the SDK. Make it on the branch that its handoffs are to be recorded on, and close it there."""

    def __init__(self, served: ServedRun, scope: EngineRunScope) -> None:
        self.served = served
        self.scope = scope
        """The agent that is at work."""
        self.requested_by: dict[str, str] = {}
        """The model requests that asked for tool calls, by the provider's ids of these."""
        self.user_tools: Mapping[str, ForeignTool] = {}
        """Those of the user's MCP servers, for all agents of this run of the SDK."""
        self._root = scope
        self._context = copy_context()
        self._handoff: Any = None
        self._clones: dict[int, tuple[Agent[Any], Agent[Any]]] = {}

    def agent(self, agent: Agent[Any]) -> Agent[Any]:
        """The copy of this agent that asks this line, which is one for the whole run. A copy is its own."""
        known = self._clones.get(id(agent))
        if known is None:
            clone = self.served.cloned(agent, self)
            known = self._clones[id(agent)] = agent, clone  # with the agent, so that its id stays its own
            self._clones[id(clone)] = clone, clone
        return known[1]

    @contextmanager
    def begins(self) -> Iterator[None]:
        """``with line.begins():`` a run of the SDK that begins meanwhile is this line's."""
        token: Token[Line | None] = CURRENT.set(self)
        try:
            yield
        finally:
            CURRENT.reset(token)

    def hand_off(self, name: str) -> None:
        """The agent of this name takes over."""
        self.close()
        self._handoff = self._root.framework.agent(name)
        self.scope = self._context.run(_at_once, self._handoff.__aenter__())

    def close(self, fault: BaseException | None = None) -> None:
        """The agent that took over, if one did, has ended, by ``fault`` if there is one."""
        handoff, self._handoff, self.scope = self._handoff, None, self._root
        if handoff is not None:
            told = (None, None, None) if fault is None else (type(fault), fault, None)
            try:
                self._context.run(_at_once, handoff.__aexit__(*told))
            except BaseException as raised:
                if raised is not fault:
                    raise

    def note(self, fault: Exception) -> None:
        """What Netra raises ends the run, whatever the SDK makes of it."""
        if isinstance(fault, NetraError) and self.served.fault is None:
            self.served.fault = fault


def _at_once(begun: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that waits for nothing. It is not a task, so it has the context that it is run in."""
    try:
        begun.send(None)
    except StopIteration as ended:
        return ended.value
    begun.close()
    raise AssertionError("an agent's step begins and ends at once")
