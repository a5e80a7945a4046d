"""Events as a person reads them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from netra_backend.app.commands.event_view import show
from netra_backend.app.core import events
from netra_backend.app.core.events import AnyEvent

PLACE = ("thread_1", "run_1", 7, 0)


def _shown(event: AnyEvent) -> str:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    show(console, event)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (events.UserMessage(*PLACE, request_id="req_1", agent="echo", text="hi"), ["user_message", "hi"]),
        (events.RunQueued(*PLACE, agent="echo", queue_position=2), ["run_queued", "2 ahead of it"]),
        (events.AgentStarted(*PLACE, agent="echo", request_id="req_1"), ["agent_started", "echo"]),
        (events.AgentThinking(*PLACE, text="let me see"), ["agent_thinking", "let me see"]),
        (
            events.ToolExecuting(*PLACE, call_id="c", tool="cost_summary", arguments={"limit": 3}),
            ["tool_executing", "cost_summary", '{"limit": 3}'],
        ),
        (
            events.ToolCompleted(*PLACE, call_id="c", tool="cost_summary", ok=True, elapsed_ms=12),
            ["tool_completed", "cost_summary in 12 ms"],
        ),
        (
            events.ToolCompleted(
                *PLACE, call_id="c", tool="x", ok=False, elapsed_ms=1, error={"code": "NO_DATA", "message": "None."}
            ),
            ["tool_completed", "x: NO_DATA None."],
        ),
        (
            events.ApprovalRequested(
                *PLACE, approval_id="a", call_id="c", tool="pay", arguments={}, arguments_hash="h", expires_at=1
            ),
            ["approval_requested", "pay"],
        ),
        (events.ApprovalResolved(*PLACE, approval_id="a", decision="deny", by="conn_1"), ["approval_resolved", "deny"]),
        (
            events.ApprovalResolved(*PLACE, approval_id="a", decision="deny", by="conn_1", reason="No money."),
            ["approval_resolved", "deny: No money."],
        ),
        (
            events.QuestionAsked(*PLACE, question_id="q", text="Which?", expires_at=1, call_id="c", step="ask#1"),
            ["question_asked", "Which?"],
        ),
        (events.QuestionAnswered(*PLACE, question_id="q", by="conn_1", answer=[1]), ["question_answered", "[1]"]),
        (events.QuestionAnswered(*PLACE, question_id="q", by="expiry"), ["question_answered", "by nobody in time"]),
        (events.QuestionAnswered(*PLACE, question_id="q", by="agent"), ["question_answered", "no longer needed"]),
        (
            events.AgentCompleted(*PLACE, result={"text": "# Done", "data": {}}, usage={}, elapsed_ms=5),
            ["agent_completed", "in 5 ms", "Done"],
        ),
        (
            events.AgentFailed(*PLACE, error="internal", message="A fault.", hint="Try again."),
            ["agent_failed", "A fault. Try again."],
        ),
        (events.AgentCancelled(*PLACE, by="user"), ["agent_cancelled", "by user"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_kind_of_event_is_shown_in_words(event: AnyEvent, words: list[str]) -> None:
    shown = _shown(event)
    assert all(word in shown for word in words), shown


def test_a_part_of_an_answer_is_not_a_line_of_its_own() -> None:
    assert _shown(events.AgentDelta(*PLACE, call_id="m", attempt=1, text="par")) == ""


def test_what_an_agent_paid_for_its_model_is_told() -> None:
    usage = {"input_tokens": 10, "output_tokens": 2, "cost_usd": "0.0012"}
    event = events.AgentCompleted(*PLACE, result={"text": "", "data": {}}, usage=usage, elapsed_ms=5)
    assert "model cost $0.0012" in _shown(event)


def test_a_long_text_is_cut_and_markup_in_it_is_only_text() -> None:
    shown = _shown(events.AgentThinking(*PLACE, text="[bold]" + "long " * 200))
    assert "[bold]" in shown
    assert "…" in shown
