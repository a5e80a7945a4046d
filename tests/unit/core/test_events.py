"""Events: the same event is the same bytes, and what is stored can be read again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args

import msgspec
import pytest

from netra_backend.app.core.blobs import BlobRef
from netra_backend.app.core.events import (
    FIVE,
    TERMINAL,
    AgentCancelled,
    AgentCompleted,
    AgentDelta,
    AgentFailed,
    AgentStarted,
    AgentThinking,
    ApprovalRequested,
    ApprovalResolved,
    Event,
    KnownEvent,
    ModelCompleted,
    ModelStarted,
    OtherEvent,
    QuestionAnswered,
    QuestionAsked,
    RunQueued,
    RunResumed,
    RunSuperseded,
    RunSuspended,
    SecretUsed,
    StateChanged,
    StepFinished,
    StepRecorded,
    StepStarted,
    ToolCompleted,
    ToolExecuting,
    UserMessage,
    decode_event,
    encode_event,
)

PLACE: dict[str, Any] = {"thread_id": "thr_1", "run_id": "run_1", "seq": 7, "ts": 1_800_000_000_000}
EVENTS: list[Event] = [
    UserMessage(**PLACE, request_id="req_1", agent="a", text="what?"),
    RunQueued(**PLACE, agent="a", queue_position=2),
    AgentStarted(**PLACE, agent="a", request_id="req_1"),
    AgentThinking(**PLACE, text="…\n"),
    ToolExecuting(**PLACE, call_id="call_1", tool="t", arguments={"n": 1}),
    ToolCompleted(**PLACE, call_id="call_1", tool="t", ok=True, elapsed_ms=3, result=[1, None]),
    ToolCompleted(**PLACE, call_id="call_1", tool="t", ok=False, elapsed_ms=3, error={"code": "NO_DATA"}),
    AgentDelta(**PLACE, call_id="model_1", attempt=1, text="part"),
    AgentDelta(**PLACE, call_id="model_1", attempt=2, text="", done=True, usage={"input_tokens": 3}),
    ApprovalRequested(
        **PLACE, approval_id="apr_1", call_id="call_1", tool="t", arguments={}, arguments_hash="h", expires_at=9
    ),
    ApprovalResolved(**PLACE, approval_id="apr_1", decision="approve", by="conn_1"),
    ApprovalResolved(**PLACE, approval_id="apr_1", decision="approve", by="c", arguments={"n": 1}, remember=True),
    QuestionAsked(**PLACE, question_id="qst_1", text="?", expires_at=9, call_id="run_1:1", step="ask#1", schema={}),
    QuestionAnswered(**PLACE, question_id="qst_1", by="conn_1", answer=[1, None]),
    QuestionAnswered(**PLACE, question_id="qst_1", by="expiry"),
    ModelStarted(**PLACE, call_id="run_1:1", attempt=1, model="m", step="model#1", fingerprint="f"),
    ModelCompleted(**PLACE, call_id="run_1:1", attempt=1, finish_reason="stop", usage={"input_tokens": 3}),
    StepStarted(**PLACE, call_id="run_1:2", kind="step", name="pay", step="step:pay#1"),
    StepFinished(**PLACE, call_id="run_1:2", ok=True, elapsed_ms=2, recorded=BlobRef("0" * 64, 2, "application/json")),
    RunResumed(**PLACE, beginning=2),
    RunSuperseded(**PLACE, by="run_2", since=7),
    RunSuspended(**PLACE, reason="waiting", wake_ms=7),
    StepRecorded(**PLACE, call_id="run_1:3", name="c", step="record:c#1", recorded=BlobRef("0" * 64, 2, "a/b")),
    SecretUsed(**PLACE, call_id="run_1:2", name="TOKEN"),
    StateChanged(**PLACE, call_id="run_1:2", scope="user", key="k", value={"a": [1]}),
    AgentCompleted(**PLACE, result={"text": "", "data": {}}, usage={}, elapsed_ms=1),
    AgentFailed(**PLACE, error="internal", message="m"),
    AgentCancelled(**PLACE, by="user"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_read_back_equal_and_encodes_to_the_same_bytes(event: Event) -> None:
    stored = encode_event(event)
    assert decode_event(stored) == event
    assert encode_event(decode_event(stored)) == stored


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_one_line_that_begins_with_its_type_and_place(event: Event) -> None:
    stored = encode_event(event)
    assert b"\n" not in stored
    assert list(msgspec.json.decode(stored))[:5] == ["type", "thread_id", "run_id", "seq", "ts"]


def test_every_kind_of_event_is_shown_here() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(KnownEvent))


def test_the_five_and_the_terminal_ones_are_events() -> None:
    tags = {kind.__struct_config__.tag for kind in get_args(KnownEvent)}
    assert set(FIVE) <= tags
    assert {kind.__struct_config__.tag for kind in TERMINAL} == {"agent_completed", "agent_failed", "agent_cancelled"}


def test_money_travels_as_text() -> None:
    completed = ToolCompleted(**PLACE, call_id="c", tool="t", ok=True, elapsed_ms=0, result={"usd": Decimal("0.10")})
    assert msgspec.json.decode(encode_event(completed))["result"] == {"usd": "0.10"}


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"{",
        b"{}",
        b'{"type":"unheard_of"}',
        b'{"type":"agent_thinking","seq":1}',
        b'{"type":"agent_thinking","thread_id":"t","run_id":"r","seq":1,"ts":1}',
    ],
)
def test_bytes_that_are_no_event_are_told_apart(stored: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_event(stored)


def test_an_event_of_a_later_version_has_its_place_and_its_unknown_fields_are_passed_over() -> None:
    stored = msgspec.json.encode({"type": "invented_later", **PLACE, "more": [1]})
    assert decode_event(stored) == OtherEvent(**PLACE, type="invented_later")
    stored = msgspec.json.encode({"type": "agent_thinking", **PLACE, "text": "a", "more": [1]})
    assert decode_event(stored) == AgentThinking(**PLACE, text="a")


def test_an_event_of_journal_1_is_read_as_it_was_written() -> None:
    """What it does not have has the value that it stood for."""
    stored = b'{"type":"agent_started","thread_id":"t","run_id":"r","seq":1,"ts":2,"agent":"a","request_id":"q"}'
    event = decode_event(stored)
    assert isinstance(event, AgentStarted)
    assert (event.journal, event.agent_version, encode_event(event)) == (1, "", stored)
