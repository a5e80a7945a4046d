"""Runs as streams of UI messages: whatever the log, the stream is one that the AI SDK's parser takes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.core import events
from netra_backend.app.core.doors.ai_sdk import Asked, Chunk, MessageFold, UiMessage, asked_in, message_id_of, run_id_of

AT: dict[str, Any] = {"thread_id": "thr_1", "run_id": "run_1", "seq": 1, "ts": 5_999}
ASKED = events.UserMessage(**AT, request_id="req_1", agent="echo", text="hello")
TEXTS = st.text(max_size=5)
CALLS = st.sampled_from(["c1", "c2"])
EVENTS = st.one_of(
    st.builds(lambda text: events.AgentThinking(**AT, text=text), TEXTS),
    st.builds(
        lambda text, call, attempt, kind: events.AgentDelta(**AT, call_id=call, attempt=attempt, text=text, kind=kind),
        TEXTS,
        CALLS,
        st.integers(1, 3),
        st.sampled_from(["", "", "reasoning", "tool_arguments"]),
    ),
    st.builds(lambda call: events.ToolExecuting(**AT, call_id=call, tool="add", arguments={"a": 1}), CALLS),
    st.builds(
        lambda call, ok: events.ToolCompleted(
            **AT, call_id=call, tool="add", ok=ok, elapsed_ms=1, result=[1], error=None if ok else {"message": "No."}
        ),
        CALLS,
        st.booleans(),
    ),
    st.builds(
        lambda call: events.ApprovalRequested(
            **AT, approval_id=f"apr_{call}", call_id=call, tool="add", arguments={}, arguments_hash="x", expires_at=9
        ),
        CALLS,
    ),
    st.builds(
        lambda call, decision: events.ApprovalResolved(**AT, approval_id=f"apr_{call}", decision=decision, by="http"),
        CALLS,
        st.sampled_from(["approve", "deny", "expired", "cancelled"]),
    ),
    st.just(events.QuestionAsked(**AT, question_id="q", text="?", expires_at=9, call_id="c", step="s", schema={})),
    st.just(events.AgentThinking("thr_1", "run_2", 3, 5, text="of another run")),
    st.just(events.AgentFailed(**AT, error="tool_fault", message="It broke.", hint="Mend it.")),
    st.just(events.AgentCancelled(**AT, by="user")),
    st.builds(
        lambda text, message, reason: events.AgentCompleted(
            **AT, result={"text": text}, usage={}, elapsed_ms=1, message_id=message, finish_reason=reason
        ),
        TEXTS,
        st.sampled_from(["", "c1"]),
        st.sampled_from(["stop", "length", "content_filter", "replaced"]),
    ),
)


def folded(*log: events.AnyEvent) -> list[Chunk]:
    fold = MessageFold("run_1")
    return [chunk for event in log for chunk in fold.take(event)]


@given(st.lists(EVENTS, max_size=14), st.data())
def test_a_prefix_and_the_rest_of_any_log_are_all_of_it(log: list[events.AnyEvent], data: st.DataObject) -> None:
    log = [ASKED, *log]
    at, fold = data.draw(st.integers(0, len(log))), MessageFold("run_1")
    first = [chunk for event in log[:at] for chunk in fold.take(event)]
    assert [*first, *(chunk for event in log[at:] for chunk in fold.take(event))] == folded(*log)


@given(st.lists(EVENTS, max_size=14))
def test_every_part_of_any_log_is_begun_before_it_goes_on_and_ended_before_the_end(log: list[events.AnyEvent]) -> None:
    begun: set[str] = set()
    used: set[str] = set()
    calls: set[str] = set()
    chunks = folded(ASKED, *log)
    assert [chunk["type"] for chunk in chunks[:2]] == ["start", "start-step"]
    for chunk in chunks:
        kind, _, step = chunk["type"].partition("-")
        if kind in ("text", "reasoning"):
            assert (chunk["id"] in begun) is (step != "start"), chunk
            if step == "start":
                assert chunk["id"] not in used
                used.add(chunk["id"])
                begun.add(chunk["id"])
            elif step == "end":
                begun.remove(chunk["id"])
        elif chunk["type"] == "tool-input-start":
            calls.add(chunk["toolCallId"])
        elif kind == "tool":
            assert chunk["toolCallId"] in calls, chunk
        elif chunk["type"] in ("finish", "error", "abort"):
            assert not begun
            assert chunk is chunks[-1]
    assert any(isinstance(event, events.TERMINAL) for event in log) is (
        chunks[-1]["type"] in ("finish", "error", "abort")
    )


def test_what_is_no_part_of_a_message_is_passed_over() -> None:
    log: list[events.AnyEvent] = [
        events.AgentStarted(**AT, agent="echo", request_id="req_1"),
        events.OtherEvent(**AT, type="later"),
        events.AgentDelta(**AT, call_id="c", attempt=1, text="{", kind="tool_arguments"),
        events.AgentDelta(**AT, call_id="c", attempt=1, text=""),
    ]
    assert folded(*log) == []
    late = [events.AgentDelta(**AT, call_id="c", attempt=attempt, text="x") for attempt in (2, 1)]
    assert [chunk["type"] for chunk in folded(*late)] == ["text-start", "text-delta"]


def test_what_an_attempt_took_back_is_closed_and_begun_anew_under_another_id() -> None:
    log = [
        events.AgentDelta(**AT, call_id="c", attempt=1, text="Hello"),
        events.AgentDelta(**AT, call_id="c", attempt=2, text="Hel"),
        events.AgentDelta(**AT, call_id="c", attempt=2, text="p"),
    ]
    assert folded(*log) == [
        {"type": "text-start", "id": "text:c#1"},
        {"type": "text-delta", "id": "text:c#1", "delta": "Hello"},
        {"type": "text-end", "id": "text:c#1"},
        {"type": "text-start", "id": "text:c#2"},
        {"type": "text-delta", "id": "text:c#2", "delta": "Help"},
    ]


@pytest.mark.parametrize(
    ("result", "whole"), [("One", "One"), ("One, two", "One, two"), ("Two", "OneTwo"), ("", "One")]
)
def test_a_result_that_was_streamed_is_not_said_again(result: str, whole: str) -> None:
    log: list[events.AnyEvent] = [
        events.AgentDelta(**AT, call_id="c", attempt=1, text="One"),
        events.AgentCompleted(**AT, result={"text": result}, usage={}, elapsed_ms=1),
    ]
    assert "".join(chunk.get("delta", "") for chunk in folded(*log)) == whole


def test_a_text_that_goes_on_after_a_call_says_the_rest_alone() -> None:
    log: list[events.AnyEvent] = [
        events.AgentDelta(**AT, call_id="c", attempt=1, text="One", message_id="m"),
        events.ToolExecuting(**AT, call_id="t", tool="add", arguments={}),
        events.AgentCompleted(**AT, result={"text": "One, two"}, usage={}, elapsed_ms=1, message_id="m"),
    ]
    assert "".join(chunk.get("delta", "") for chunk in folded(*log)) == "One, two"


def asking(call: str) -> events.AnyEvent:
    told: dict[str, Any] = {
        "approval_id": f"apr_{call}",
        "call_id": call,
        "tool": "add",
        "arguments": {},
        "arguments_hash": "x",
        "expires_at": 9,
    }
    return events.ApprovalRequested(**AT, **told)


def decided(call: str, decision: str) -> events.AnyEvent:
    return events.ApprovalResolved(**AT, approval_id=f"apr_{call}", decision=decision, by="http")


def done(call: str) -> events.AnyEvent:
    return events.ToolCompleted(**AT, call_id=call, tool="add", ok=True, elapsed_ms=1, result=2)


def test_a_run_as_its_client_reads_it() -> None:
    question: dict[str, Any] = {"question_id": "q", "text": "?", "expires_at": 9, "call_id": "c", "step": "s"}
    log: list[events.AnyEvent] = [
        ASKED,
        events.AgentThinking(**AT, text="hm"),
        events.AgentDelta(**AT, call_id="r", attempt=1, text="why", kind="reasoning"),
        asking("yes"),
        asking("no"),
        decided("yes", "approve"),
        decided("no", "deny"),
        decided("nothing", "deny"),
        events.ToolExecuting(**AT, call_id="yes", tool="add", arguments={}),
        done("yes"),
        done("no"),
        done("unknown"),
        events.QuestionAsked(**AT, **question),
        events.QuestionAsked(**AT, **question, schema={"type": "integer"}),
    ]
    kinds = [chunk["type"] for chunk in folded(*log)]
    call = ["tool-input-start", "tool-input-available", "tool-approval-request"]
    assert kinds == [
        "start", "start-step", "data-thinking", "reasoning-start", "reasoning-delta", "reasoning-end", *call, *call,
        "tool-output-denied", "tool-output-available", "data-question", "data-question",
    ]  # fmt: skip
    ends: list[tuple[events.AnyEvent, list[str]]] = [
        (events.AgentCompleted(**AT, result={}, usage={"n": 1}, elapsed_ms=1), ["finish-step", "finish"]),
        (events.AgentCompleted(**AT, result={"text": ""}, usage={}, elapsed_ms=1), ["finish-step", "finish"]),
        (events.AgentFailed(**AT, error="tool_fault", message="It broke."), ["error"]),
        (events.AgentCancelled(**AT, by="user"), ["abort"]),
    ]
    for end, told in ends:
        assert [chunk["type"] for chunk in folded(*log, end, done("yes"))][len(kinds) :] == told


def test_a_call_that_failed_says_why() -> None:
    def failed(error: dict[str, Any] | None) -> Chunk:
        log: list[events.AnyEvent] = [
            events.ToolExecuting(**AT, call_id="c", tool="add", arguments={}),
            events.ToolCompleted(**AT, call_id="c", tool="add", ok=False, elapsed_ms=1, error=error),
        ]
        return folded(*log)[-1]

    assert [failed(error)["errorText"] for error in ({"message": "No."}, {}, None)] == ["No."] + 2 * [
        "The tool failed."
    ]


def test_it_waits_for_an_approval_unless_another_call_goes_on() -> None:
    fold = MessageFold("run_1")

    def take(event: events.AnyEvent) -> bool:
        list(fold.take(event))
        return fold.waits

    requested = events.ApprovalRequested(
        **AT, approval_id="apr", call_id="c1", tool="add", arguments={}, arguments_hash="x", expires_at=9
    )
    assert not take(events.ToolExecuting(**AT, call_id="c2", tool="add", arguments={}))
    assert not take(requested)
    assert take(events.ToolCompleted(**AT, call_id="c2", tool="add", ok=True, elapsed_ms=1))
    assert [chunk["type"] for chunk in fold.interrupted(7)] == ["finish-step", "finish"]
    assert not take(events.ApprovalResolved(**AT, approval_id="apr", decision="approve", by="http"))


def read(*messages: dict[str, Any]) -> Asked | None:
    return asked_in(msgspec.json.decode(msgspec.json.encode(messages), type=list[UiMessage]))


USER = {
    "id": "u1",
    "role": "user",
    "parts": [{"type": "text", "text": "a"}, {"type": "file"}, {"type": "text", "text": "b"}],
}
DECIDED = {
    "type": "dynamic-tool",
    "state": "approval-responded",
    "approval": {"id": "apr", "approved": False, "reason": "no"},
}


def test_the_newest_message_is_what_is_asked() -> None:
    assert read(USER) == Asked("u1", "a\n\nb")
    assistant = {"id": "msg_run_1", "role": "assistant", "parts": [{"type": "text", "text": "x"}, DECIDED]}
    assert read(USER, {**assistant, "metadata": {"seq": 9}}) == Asked("msg_run_1", "", (("apr", False, "no"),), 9)
    others: list[Any] = [None, {}, {"seq": "9"}, {"seq": -1}, [], 5, "x" * 20_000, {"seq": 10**400}]
    for metadata in others:
        assert read(USER, {**assistant, "metadata": metadata}) == Asked("msg_run_1", "", (("apr", False, "no"),), 0)
    assert read(USER, {**assistant, "parts": []}) == Asked("u1", "a\n\nb")


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"id": "u", "role": "user"}],
        [{"id": "u", "role": "user", "parts": [{"type": "text"}, {"type": "text", "text": ""}, {"text": "x"}]}],
        [{"id": "a", "role": "assistant", "parts": [{**DECIDED, "approval": {"id": "x"}}]}],
        [{"id": "a", "role": "assistant", "parts": [{**DECIDED, "approval": None}]}],
        [{"id": "a", "role": "assistant", "parts": [{**DECIDED, "state": "approval-requested"}]}],
        [{"id": "s", "role": "system", "parts": [{"type": "text", "text": "x"}]}],
    ],
)
def test_anything_else_asks_nothing(messages: list[dict[str, Any]]) -> None:
    assert read(*messages) is None


@pytest.mark.parametrize(
    "parts",
    [None, 5, [5], [[]], [{"type": 5}], [{"text": []}], [{"approval": {"id": 5}}], [{"approval": {"approved": True}}]],
)
def test_what_is_no_list_of_parts_is_no_message(parts: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        read({"id": "u", "role": "user", "parts": parts})


def test_a_message_is_named_after_its_run() -> None:
    assert run_id_of(message_id_of("run_1")) == "run_1"
    assert run_id_of("run_1") is None
