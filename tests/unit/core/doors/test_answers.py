"""What of a run's events is its answer."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.core import events
from netra_backend.app.core.doors.answers import Answer, Began, Broken, Finished, Piece, Said, Thought

AT: dict[str, Any] = {"thread_id": "thr_1", "run_id": "run_1", "seq": 1, "ts": 5_000}


def asked(**fields: Any) -> events.UserMessage:
    return events.UserMessage(**AT, request_id="req_1", agent="echo", text="hello", **fields)


def delta(text: str, call_id: str = "run_1:1", attempt: int = 1, **fields: Any) -> events.AgentDelta:
    return events.AgentDelta(**AT, call_id=call_id, attempt=attempt, text=text, **fields)


def completed(text: Any, message_id: str = "", **fields: Any) -> events.AgentCompleted:
    return events.AgentCompleted(**AT, result={"text": text}, usage={}, elapsed_ms=1, message_id=message_id, **fields)


def pieces(*log: events.AnyEvent, relays: bool = False) -> list[Piece]:
    answer = Answer("run_1", relays)
    return [piece for event in log for piece in answer.take(event)]


def said(*log: events.AnyEvent, relays: bool = False) -> str:
    return "".join(piece.text for piece in pieces(*log, relays=relays) if isinstance(piece, Said))


def test_a_run_begins_thinks_says_and_ends() -> None:
    assert pieces(asked(), events.AgentThinking(**AT, text="hm"), completed("hi", finish_reason="length")) == [
        Began("echo", 5_000),
        Thought("hm\n"),
        Said("hi"),
        Finished("length", {}),
    ]


def test_events_of_other_runs_of_unknown_kinds_and_after_the_end_are_passed_over() -> None:
    other = events.AgentThinking("thr_1", "run_2", 2, 5_000, text="other")
    unknown = events.OtherEvent(**AT, type="later")
    started = events.AgentStarted(**AT, agent="echo", request_id="req_1")
    assert pieces(other, unknown, started) == []
    assert pieces(events.AgentCancelled(**AT, by="user"), delta("late"), completed("late")) == [
        Broken("cancelled", "The run was stopped by user.")
    ]
    failed = events.AgentFailed(**AT, error="tool_fault", message="It broke.")
    assert pieces(failed, completed("late")) == [Broken("tool_fault", "It broke.")]


@pytest.mark.parametrize(
    ("text", "message_id", "whole"),
    [
        ("Hello", "m1", "Hello"),  # the same is not repeated
        ("Hello, you", "m1", "Hello, you"),  # the rest follows
        ("Hello", "", "Hello"),  # whatever it is called
        ("Hello, you", "", "Hello, you"),
        ("Bye", "", "Hello\n\nBye"),  # a message of its own
        ("Bye", "m1", "Hello\n\nBye"),  # it says that it is another, and is
        ("", "m1", "Hello"),
        (None, "m1", "Hello"),
    ],
)
def test_what_was_streamed_is_not_said_again(text: Any, message_id: str, whole: str) -> None:
    assert said(delta("Hel", message_id="m1"), delta("lo", message_id="m1"), completed(text, message_id)) == whole


def test_messages_are_paragraphs() -> None:
    said_first = [delta("One", "c1"), delta("Tw", "c2"), delta("o", "c2")]
    assert said(*said_first, completed("Three")) == "One\n\nTwo\n\nThree"


def test_an_attempt_that_says_the_same_again_goes_on_where_the_other_ended_and_a_lower_one_is_dropped() -> None:
    log = [delta("Hello"), delta("He", attempt=2), delta("late", attempt=1), delta("llo, you", attempt=2)]
    assert said(*log) == "Hello, you"


def test_what_an_attempt_took_back_is_followed_by_what_counts() -> None:
    assert said(delta("Hello"), delta("Bye", attempt=2), delta(" now", attempt=2)) == "Hello\n\nBye now"


def test_reasoning_is_a_thought_and_arguments_of_tools_are_nothing() -> None:
    assert pieces(delta("hm", kind="reasoning"), delta("{", kind="tool_arguments"), delta("")) == [Thought("hm")]


def test_what_another_agent_says_is_a_thought_unless_it_is_relayed() -> None:
    inner = delta("inner", parent_call_id="run_1:1")
    assert pieces(inner) == [Thought("inner")]
    assert pieces(inner, relays=True) == [Said("inner")]


def test_calls_and_questions_are_thoughts() -> None:
    executing = events.ToolExecuting(**AT, call_id="c1", tool="add", arguments={})
    done = events.ToolCompleted(**AT, call_id="c1", tool="add", ok=True, elapsed_ms=1)
    failed = events.ToolCompleted(**AT, call_id="c1", tool="add", ok=False, elapsed_ms=1, error={"message": "No."})
    approval = events.ApprovalRequested(
        **AT, approval_id="apr_1", call_id="c1", tool="add", arguments={}, arguments_hash="x", expires_at=9
    )
    question = events.QuestionAsked(**AT, question_id="qst_1", text="How many?", expires_at=9, call_id="c", step="s")
    texts = [piece.text for piece in pieces(executing, done, failed, approval, question) if isinstance(piece, Thought)]
    assert texts == [
        "add …\n",
        "add ✓\n",
        "add ✗: No.\n",
        "add waits for your approval (apr_1).\n",
        "How many?\nThe agent waits for your answer (qst_1).\n",
    ]
