"""What is said about a question: the same by either frame, and no more than it means."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.core.events import ApprovalResolved, QuestionAnswered
from netra_backend.app.core.frames import AnswerQuestion, ResolveApproval
from netra_backend.app.core.ids import is_valid_id
from netra_backend.app.core.questions import (
    MOST_DEPTH,
    Said,
    answer_shown,
    approval_id_of,
    is_approval,
    is_too_deep,
    question_id_of,
    run_id_of,
    said_of,
)

PLACE: dict[str, Any] = {"thread_id": "thr_1", "run_id": "run_1", "seq": 1, "ts": 0}


def test_a_questions_id_names_its_run_and_is_an_id() -> None:
    asked, approval = question_id_of("run_01", "run_01:2"), approval_id_of("run_01", "run_01:3")
    assert [run_id_of(each) for each in (asked, approval, "qst_1", "")] == ["run_01", "run_01", "", ""]
    assert [is_approval(each) for each in (asked, approval)] == [False, True]
    assert is_valid_id(asked)
    assert asked != question_id_of("run_01", "run_01:3")


def test_both_frames_say_the_same_about_an_approval() -> None:
    arguments = {"amount": 5}
    resolved = said_of(ResolveApproval("apr_r.1", "approve", "h", reason="less", arguments=arguments, remember=True))
    answer = {"decision": "approve", "reason": "less", "arguments": arguments, "remember": True}
    answered = said_of(AnswerQuestion("apr_r.1", {**answer, "arguments_hash": "h"}))
    assert (resolved.answer, resolved.arguments_hash) == (answered.answer, answered.arguments_hash) == (answer, "h")
    assert said_of(AnswerQuestion("apr_r.1", answer)).arguments_hash is None


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"decision": "approve", "reason": "", "remember": False}, {"decision": "approve"}),
        ({"decision": "deny", "remember": True, "arguments": {}}, {"decision": "deny"}),
        ({"decision": "deny", "reason": "no"}, {"decision": "deny", "reason": "no"}),
        ({"decision": "maybe", "more": 1}, {"decision": "maybe", "more": 1}),
    ],
)
def test_what_says_nothing_about_an_approval_is_left_out(given: dict[str, Any], meant: dict[str, Any]) -> None:
    assert said_of(AnswerQuestion("apr_r.1", given)).answer == meant


@pytest.mark.parametrize("answer", [None, "x", {"arguments_hash": "h"}, [1]])
def test_an_answer_to_a_question_is_taken_whole(answer: Any) -> None:
    assert said_of(AnswerQuestion("qst_r.1", answer)) == Said("qst_r.1", answer)


def test_an_answer_to_an_approval_that_is_no_object_is_judged_as_it_is() -> None:
    assert said_of(AnswerQuestion("apr_r.1", "yes")) == Said("apr_r.1", "yes")


def test_two_answers_are_the_same_if_their_json_is_whatever_the_order_of_members() -> None:
    assert Said("q", {"a": 1, "b": [2]}).is_same({"b": [2], "a": 1})
    for other in ({"a": 1, "b": [2.0]}, {"a": True, "b": [2]}, {"a": 1}):
        assert not Said("q", {"a": 1, "b": [2]}).is_same(other)


def test_an_event_shows_the_answer_as_it_was_said() -> None:
    event = ApprovalResolved(**PLACE, approval_id="a", decision="approve", by="c", reason="ok", arguments={"n": 1})
    assert answer_shown(event) == {"decision": "approve", "reason": "ok", "arguments": {"n": 1}}
    assert answer_shown(ApprovalResolved(**PLACE, approval_id="a", decision="deny", by="c")) == {"decision": "deny"}
    assert answer_shown(QuestionAnswered(**PLACE, question_id="q", by="c", answer=[1])) == [1]


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value} if isinstance(value, list) else [value]
    return value


@pytest.mark.parametrize("depth", [MOST_DEPTH + 1, 900])
def test_what_is_too_deep_for_an_answer_stays_so_and_can_be_gone_down_into(depth: int) -> None:
    for said in (said_of(AnswerQuestion("qst_r.1", nested(depth))), said_of(AnswerQuestion("apr_r.1", nested(depth)))):
        assert is_too_deep(said.answer)
        assert not said.is_same(1)
    edited = said_of(ResolveApproval("apr_r.1", "approve", "h", arguments={"a": nested(depth)})).answer
    assert is_too_deep(edited)
    assert said_of(AnswerQuestion("qst_r.1", nested(MOST_DEPTH))).answer == nested(MOST_DEPTH)


def test_depth_is_counted_in_arrays_and_objects() -> None:
    assert not is_too_deep("text")
    assert not is_too_deep(nested(MOST_DEPTH))
    assert is_too_deep(nested(MOST_DEPTH + 1))
