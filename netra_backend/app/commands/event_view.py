"""Events as a person reads them in a terminal, one line each as they arrive."""

from __future__ import annotations

import json
from typing import Any, Final

from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text

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
    StateChanged,
    StepFinished,
    StepStarted,
    ToolCompleted,
    ToolExecuting,
    UserMessage,
)

_WIDTH: Final = 100
_KIND: Final = 17


def show(console: Console, event: AnyEvent) -> None:
    """Print one event; the last one of a run with its answer."""
    kind, style, text = _line(event)
    if kind:
        line = Text()
        line.append(f"{event.seq:>4} ", style="dim")
        line.append(f"{kind:<{_KIND}}", style=style)
        line.append(text)
        console.print(line, soft_wrap=False)
    if isinstance(event, AgentCompleted):
        console.print(Panel(Markdown(str(event.result.get("text", ""))), border_style="green", padding=(1, 2)))


def _line(event: AnyEvent) -> tuple[str, str, str]:
    match event:
        case UserMessage(text=text):
            return "user_message", "bold", _short(text)
        case RunQueued(queue_position=position):
            return "run_queued", "yellow", f"waiting; {position} ahead of it"
        case AgentStarted(agent=agent):
            return "agent_started", "cyan", agent
        case AgentThinking(text=text):
            return "agent_thinking", "magenta", _short(text)
        case ToolExecuting(tool=tool, arguments=arguments):
            return "tool_executing", "blue", f"{tool} {_short(_json(arguments)) if arguments else ''}".rstrip()
        case ToolCompleted(tool=tool, ok=True, elapsed_ms=elapsed):
            return "tool_completed", "green", f"{tool} in {elapsed} ms"
        case ToolCompleted(tool=tool, error=error):
            told = error or {}
            return "tool_completed", "yellow", f"{tool}: {told.get('code', '')} {told.get('message', '')}"
        case ApprovalRequested(tool=tool, arguments=arguments):
            return "approval_requested", "yellow", f"{tool} {_json(arguments)}"
        case ApprovalResolved(decision=decision, reason=reason):
            return "approval_resolved", "yellow", f"{decision}: {_short(reason)}" if reason else decision
        case QuestionAsked(text=text):
            return "question_asked", "yellow", text
        case QuestionAnswered(by="expiry" | "agent" as by):
            return "question_answered", "yellow", "by nobody in time" if by == "expiry" else "no longer needed"
        case QuestionAnswered(answer=answer):
            return "question_answered", "yellow", _short(_json(answer))
        case AgentCompleted(elapsed_ms=elapsed, usage=usage):
            paid = f", model cost ${usage['cost_usd']}" if usage.get("input_tokens") else ""
            return "agent_completed", "bold green", f"in {elapsed} ms{paid}"
        case AgentFailed(message=message, hint=hint):
            return "agent_failed", "bold red", f"{message} {hint}"
        case AgentCancelled(by=by):
            return "agent_cancelled", "bold yellow", f"by {by}"
        case RunSuperseded(by=by):
            return "run_superseded", "yellow", f"by {by}"
        case RunResumed(beginning=beginning):
            return "run_resumed", "yellow", f"beginning {beginning}"
        case StepStarted(kind=kind, name=name):
            return "step_started", "blue", f"{name}" if kind == "step" else f"{kind} {name}"
        case StepFinished(ok=ok, elapsed_ms=elapsed, error=error):
            told = error or {}
            return "step_finished", "green" if ok else "yellow", f"in {elapsed} ms" if ok else str(told.get("message"))
        case StateChanged(scope=scope, key=key, value=value):
            return "state_changed", "blue", f"{scope} {key}: {_short(_json(value))}"
        case _:  # parts of an answer, which is shown when it is whole; and what this version does not know
            return "", "", ""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
