"""A run's recorded steps, read back from its own events.

The engine asks the journal before each step. ``Recorded``: it happened, here is what came of it, nothing is done again.
``Perform``: it did not happen yet. ``Unknown``: it was begun and its end was not recorded. ``Diverged``: the agent asks for
something else than what was recorded, so its function is not deterministic; the run ends as failed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import msgspec

from .events import (
    AgentDelta,
    AgentStarted,
    AgentThinking,
    AnyEvent,
    ApprovalRequested,
    ApprovalResolved,
    ToolCompleted,
    ToolExecuting,
)


class Thought(msgspec.Struct, frozen=True):
    """``think(text)``."""

    text: str


class Saying(msgspec.Struct, frozen=True):
    """``say(text)``."""

    text: str


class ToolCall(msgspec.Struct, frozen=True):
    """``use_tool(tool, **arguments)``, the arguments as shown (redacted)."""

    tool: str
    arguments: dict[str, Any]


class ModelCall(msgspec.Struct, frozen=True):
    """``ask_model(…)``; which prompt is not compared: it is made from recorded results."""


Ask = Thought | Saying | ToolCall | ModelCall


class Recorded(msgspec.Struct, frozen=True):
    """It happened: the ``ToolCompleted`` of a tool call, the parts of a model call, nothing for the others."""

    completed: ToolCompleted | None = None
    parts: tuple[AgentDelta, ...] = ()


class Perform(msgspec.Struct, frozen=True):
    """It did not happen. ``attempt`` is above 1 where a model call was cut off."""

    attempt: int = 1


class Unknown(msgspec.Struct, frozen=True):
    """A tool call was begun; its end was not recorded. ``approval`` is the request that it waits or waited for."""

    approval: ApprovalRequested | None = None
    resolved: ApprovalResolved | None = None
    executing: bool = False


class Diverged(msgspec.Struct, frozen=True):
    """``recorded`` is what the journal holds in the place of what was asked."""

    recorded: str


Answer = Recorded | Perform | Unknown | Diverged

_FRESH = Perform()


class _Step:
    __slots__ = ("approval", "ask", "call_id", "completed", "executing", "parts", "resolved")

    def __init__(self, ask: Ask, call_id: str = "") -> None:
        self.ask = ask
        self.call_id = call_id
        self.completed: ToolCompleted | None = None
        self.parts: list[AgentDelta] = []
        self.approval: ApprovalRequested | None = None
        self.resolved: ApprovalResolved | None = None
        self.executing = False


SAY_CALL = "say"
"""The ``call_id`` prefix of parts that the agent said itself."""


class Journal:
    """The steps of one run, in order. A new run's journal is empty and answers ``Perform`` to everything."""

    __slots__ = ("_steps", "started")

    def __init__(self, events: Iterable[AnyEvent] = ()) -> None:
        self.started = False
        self._steps: deque[_Step] = deque()
        calls: dict[str, _Step] = {}
        for event in events:
            self._read(event, calls)

    def _read(self, event: AnyEvent, calls: dict[str, _Step]) -> None:
        if isinstance(event, AgentThinking):
            self._steps.append(_Step(Thought(event.text)))
        elif isinstance(event, (ToolExecuting, ApprovalRequested)):
            step = calls.get(event.call_id)
            if step is None:
                step = calls[event.call_id] = _Step(ToolCall(event.tool, event.arguments), event.call_id)
                self._steps.append(step)
            if isinstance(event, ApprovalRequested):
                step.approval = event
            else:
                step.executing = True
        elif isinstance(event, ApprovalResolved):
            for step in calls.values():
                if step.approval is not None and step.approval.approval_id == event.approval_id:
                    step.resolved = event
        elif isinstance(event, ToolCompleted):
            calls[event.call_id].completed = event
        elif isinstance(event, AgentDelta):
            step = calls.get(event.call_id)
            if step is None:
                said = event.call_id.startswith(SAY_CALL)
                step = calls[event.call_id] = _Step(Saying(event.text) if said else ModelCall(), event.call_id)
                self._steps.append(step)
            step.parts.append(event)
        elif isinstance(event, AgentStarted):
            self.started = True

    def next(self, ask: Ask) -> Answer:
        """What is known of the step that the agent asks for next."""
        if not self._steps:
            return _FRESH
        step = self._steps.popleft()
        if step.ask != ask:
            return Diverged(repr(step.ask)[:200])
        if isinstance(ask, ToolCall):
            if step.completed is not None:
                return Recorded(completed=step.completed)
            return Unknown(step.approval, step.resolved, step.executing)
        if isinstance(ask, ModelCall):
            last = step.parts[-1]
            if last.done:
                return Recorded(parts=tuple(part for part in step.parts if part.attempt == last.attempt))
            return Perform(attempt=last.attempt + 1)
        return Recorded()
