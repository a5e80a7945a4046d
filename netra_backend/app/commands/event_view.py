"""Events as a person reads them in a terminal, one line each as they arrive."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text

from ...client.errors import sentences
from ..core.events import (
    AgentCancelled,
    AgentCompleted,
    AgentFailed,
    AgentStarted,
    AgentThinking,
    AnyEvent,
    ApprovalRequested,
    ApprovalResolved,
    QuestionAnswered,
    QuestionAsked,
    RunQueued,
    RunResumed,
    RunSuperseded,
    SecretUsed,
    StateChanged,
    StepFinished,
    StepStarted,
    ToolCompleted,
    ToolExecuting,
    UserMessage,
)

_WIDTH: Final = 100
_KIND: Final = 19
"""The longest name of an event, and a space."""
_LONG: Final = 500
_REJECTED: Final = "APPROVAL_DENIED"
"""The code of a call's error if its user did not approve it."""


class EventView:
    """Prints events, those of a run in their order: a decision is shown with the call that it is about."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._waiting: dict[str, ApprovalRequested] = {}
        self._rejected: set[str] = set()

    def show(self, event: AnyEvent) -> None:
        """Print one event; the last one of a run with its answer. Nothing is executed of a call that was not approved."""
        if isinstance(event, ToolExecuting) and event.call_id in self._rejected:
            return
        kind, style, text = self._decided(event) if isinstance(event, ApprovalResolved) else _line(event)
        if isinstance(event, ApprovalRequested):
            self._waiting[event.approval_id] = event
        if kind:
            line = Text()
            line.append(f"{event.seq:>4} ", style="dim")
            line.append(f"{kind:<{_KIND}}", style=style)
            line.append(text)
            self._console.print(line, soft_wrap=False)
        if isinstance(event, AgentCompleted):
            answer = Markdown(str(event.result.get("text", "")))
            self._console.print(Panel(answer, border_style="green", padding=(1, 2)))

    def _decided(self, event: ApprovalResolved) -> tuple[str, str, str]:
        decision = event.decision
        asked = self._waiting.pop(event.approval_id, None)
        if event.arguments is not None and (asked is None or event.arguments != asked.arguments):
            decision = f"{decision} with other arguments {short_json(event.arguments)}"
        if event.reason:
            decision = f"{decision}: {_short(event.reason)}"
        if asked is None:
            return "approval_resolved", "yellow", decision
        if event.decision != "approve":
            self._rejected.add(asked.call_id)
        return "approval_resolved", "yellow", f"{_call(asked.tool, asked.arguments)}: {decision}"


def _call(tool: str, arguments: Mapping[str, Any]) -> str:
    """A call in a line: its tool, and as much of its arguments as fits."""
    return f"{tool} {short_json(arguments)}" if arguments else tool


def _line(event: AnyEvent) -> tuple[str, str, str]:
    match event:
        case UserMessage(text=text):
            return "user_message", "bold", _short(text)
        case RunQueued(queue_position=position):
            return "run_queued", "yellow", f"waiting; {position} ahead of it"
        case AgentStarted(agent=agent):
            return "agent_started", "cyan", agent
        case AgentThinking(text=text):
            return "agent_thinking", "magenta", _short(text, _LONG)
        case ToolExecuting(tool=tool, arguments=arguments):
            return "tool_executing", "blue", _call(tool, arguments)
        case ToolCompleted(tool=tool, ok=True, elapsed_ms=elapsed):
            return "tool_completed", "green", f"{tool} in {_duration(elapsed)}"
        case ToolCompleted(tool=tool, error=error):
            told = error or {}
            if told.get("code") == _REJECTED:
                why = str(told.get("message", "")).removeprefix(f"{tool} was ")
                return "tool_completed", "yellow", f"{tool} was not called: {why}"
            return "tool_completed", "yellow", f"{tool}: {told.get('code', '')} {told.get('message', '')}"
        case ApprovalRequested(tool=tool, arguments=arguments):
            return "approval_requested", "yellow", f"{tool} {_json(arguments)}"
        case QuestionAsked(text=text):
            return "question_asked", "yellow", text
        case QuestionAnswered(by="expiry" | "agent" as by):
            return "question_answered", "yellow", "by nobody in time" if by == "expiry" else "no longer needed"
        case QuestionAnswered(answer=answer):
            return "question_answered", "yellow", short_json(answer)
        case AgentCompleted(elapsed_ms=elapsed, usage=usage, usage_by_model=by_model):
            paid = f", {_cost(usage, by_model)}" if usage.get("input_tokens") else ""
            return "agent_completed", "bold green", f"in {_duration(elapsed)}{paid}"
        case AgentFailed(message=message, hint=hint, error_id=error_id):
            logged = f"(error {error_id}, in the server's log)" if error_id else ""
            return "agent_failed", "bold red", sentences(message, hint, logged)
        case AgentCancelled(by=by):
            return "agent_cancelled", "bold yellow", f"by {by}"
        case RunSuperseded(by=by):
            return "run_superseded", "yellow", f"by {by}"
        case RunResumed():
            return "run_resumed", "yellow", "the server was restarted; the run goes on where it was"
        case StepStarted(kind=kind, name=name):
            return "step_started", "blue", f"{name}" if kind == "step" else f"{kind} {name}"
        case StepFinished(ok=ok, elapsed_ms=elapsed, error=error):
            told = error or {}
            return (
                "step_finished",
                "green" if ok else "yellow",
                f"in {_duration(elapsed)}" if ok else str(told.get("message")),
            )
        case SecretUsed(name=name):
            return "secret_used", "blue", name
        case StateChanged(scope=scope, key=key, value=value):
            return "state_changed", "blue", f"{scope} {key}: {short_json(value)}"
        case _:  # parts of an answer, which is shown when it is whole; and what this version does not know
            return "", "", ""


def short_json(value: Any) -> str:
    """As much of its JSON as a line has room for."""
    return _short(_json(value))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _short(text: str, most: int = _WIDTH) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _cost(usage: Mapping[str, Any], by_model: Sequence[Mapping[str, Any]]) -> str:
    unpriced = [str(each.get("model", "")) for each in by_model if each.get("cost_usd") is None]
    if not unpriced:
        return f"model cost ${usage['cost_usd']}"
    if len(unpriced) == len(by_model):
        return "model cost unknown"
    return f"model cost ${usage['cost_usd']} and what {', '.join(unpriced)} costs, which is unknown"


def _duration(ms: int) -> str:
    if ms < 1000:
        return f"{ms} ms"
    if ms < 60_000:
        return f"{ms / 1000:.1f} s"
    return f"{ms // 60_000} min {ms % 60_000 // 1000} s"
