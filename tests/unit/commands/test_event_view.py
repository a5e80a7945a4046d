"""Events as a person reads them."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from netra_backend.app.commands.event_view import EventView
from netra_backend.app.core import events
from netra_backend.app.core.events import AnyEvent

PLACE = ("thread_1", "run_1", 7, 0)


def _shown(*taken: AnyEvent) -> str:
    console = Console(file=io.StringIO(), width=160, color_system=None)
    view = EventView(console)
    for event in taken:
        view.show(event)
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
            ["approval_requested pay"],
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
            ["agent_failed", "A fault. Try again.\n"],
        ),
        (
            events.AgentFailed(*PLACE, error="internal", message="A fault", hint="Try again."),
            ["agent_failed", "A fault. Try again.\n"],
        ),
        (
            events.AgentFailed(*PLACE, error="internal", message="A fault.", hint="Try again.", error_id="err_1"),
            ["A fault. Try again. (error err_1, in the server's log)"],
        ),
        (events.RunResumed(*PLACE, beginning=3), ["run_resumed", "the run goes on where it was"]),
        (
            events.ToolCompleted(*PLACE, call_id="c", tool="x", ok=True, elapsed_ms=6726),
            ["tool_completed", "x in 6.7 s"],
        ),
        (
            events.AgentCompleted(*PLACE, result={"text": ""}, usage={}, elapsed_ms=663_000),
            ["agent_completed", "in 11 min 3 s"],
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


@pytest.mark.parametrize(
    ("by_model", "words"),
    [
        ([{"model": "a", "cost_usd": "0"}], "model cost $0.5\n"),
        ([{"model": "a"}], "model cost unknown\n"),
        ([{"model": "a", "cost_usd": "0.5"}, {"model": "b"}], "model cost $0.5 and what b costs, which is unknown\n"),
    ],
)
def test_a_model_without_a_price_is_not_shown_as_free(by_model: list[dict[str, str]], words: str) -> None:
    usage = {"input_tokens": 10, "output_tokens": 2, "cost_usd": "0.5"}
    result = {"text": "", "data": {}}
    event = events.AgentCompleted(*PLACE, result=result, usage=usage, elapsed_ms=5, usage_by_model=by_model)
    assert words in _shown(event)


def test_a_long_text_is_cut_and_markup_in_it_is_only_text() -> None:
    shown = _shown(events.AgentThinking(*PLACE, text="[bold]" + "long " * 200))
    assert "[bold]" in shown
    assert "…" in shown


def _requested(number: int, arguments: dict[str, Any]) -> events.ApprovalRequested:
    return events.ApprovalRequested(
        *PLACE,
        approval_id=f"a{number}",
        call_id=f"c{number}",
        tool="pay",
        arguments=arguments,
        arguments_hash="h",
        expires_at=1,
    )


def _resolved(number: int, decision: str, **more: Any) -> events.ApprovalResolved:
    return events.ApprovalResolved(*PLACE, approval_id=f"a{number}", decision=decision, by="conn_1", **more)


@pytest.mark.parametrize(
    ("resolved", "words"),
    [
        (_resolved(1, "approve"), 'pay {"to": "Ann"}: approve'),
        (_resolved(2, "deny", reason="No money."), 'pay {"to": "Bea"}: deny: No money.'),
        (_resolved(1, "approve", arguments={"to": "Ann"}), 'pay {"to": "Ann"}: approve'),
        (
            _resolved(1, "approve", arguments={"to": "Cyd"}, reason="Hers."),
            'pay {"to": "Ann"}: approve with other arguments {"to": "Cyd"}: Hers.',
        ),
    ],
)
def test_a_decision_is_shown_with_its_call_and_with_what_was_changed(resolved: AnyEvent, words: str) -> None:
    shown = _shown(_requested(1, {"to": "Ann"}), _requested(2, {"to": "Bea"}), resolved)
    assert shown.splitlines()[-1].split(None, 2)[2] == words


def test_a_call_that_was_denied_is_said_not_to_have_been_made() -> None:
    error = {"code": "APPROVAL_DENIED", "message": "pay was not approved (deny): No money."}
    shown = _shown(
        _requested(1, {"to": "Ann"}),
        _requested(2, {"to": "Bea"}),
        _resolved(1, "deny", reason="No money."),
        _resolved(2, "approve"),
        events.ToolExecuting(*PLACE, call_id="c1", tool="pay", arguments={"to": "Ann"}),
        events.ToolExecuting(*PLACE, call_id="c2", tool="pay", arguments={"to": "Bea"}),
        events.ToolCompleted(*PLACE, call_id="c1", tool="pay", ok=False, elapsed_ms=0, error=error),
    ).splitlines()
    assert [line.split(None, 1)[1] for line in shown[4:]] == [
        'tool_executing     pay {"to": "Bea"}',
        "tool_completed     pay was not called: not approved (deny): No money.",
    ]
