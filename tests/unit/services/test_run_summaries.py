"""How a run stands, by the newest of its events."""

from __future__ import annotations

import pytest

from netra_backend.app.core import events
from netra_backend.app.core.events import AnyEvent, encode_event
from netra_backend.app.core.history import ListedRun, StoredRun
from netra_backend.app.services.run_summaries import RunSummary, summary_of

PLACE = ("thr_1", "run_1", 7, 5000)


def summary(event: AnyEvent, ended_seq: int = 0) -> RunSummary:
    stored = StoredRun("run_1", "ada", "thr_1", "echo", "req_1", "UTC", 1000, 3, ended_seq)
    return summary_of(ListedRun(stored, 9000, encode_event(event)))


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (events.UserMessage(*PLACE, request_id="req_1", agent="echo", text="hi"), "queued"),
        (events.RunQueued(*PLACE, agent="echo", queue_position=1), "queued"),
        (events.RunSuperseded(*PLACE, by="run_1", since=2), "queued"),
        (events.AgentStarted(*PLACE, agent="echo", request_id="req_1"), "running"),
        (events.AgentThinking(*PLACE, text="hm"), "running"),
        (
            events.ApprovalRequested(
                *PLACE, approval_id="a", call_id="c", tool="t", arguments={}, arguments_hash="h", expires_at=1
            ),
            "waiting",
        ),
        (events.ApprovalResolved(*PLACE, approval_id="a", decision="approve", by="user"), "running"),
        (
            events.QuestionAsked(*PLACE, question_id="q", text="?", expires_at=1, call_id="c", step="ask#1"),
            "waiting",
        ),
        (events.QuestionAnswered(*PLACE, question_id="q", by="conn_1", answer=1), "running"),
        (events.RunResumed(*PLACE, beginning=2), "running"),
        (events.RunSuspended(*PLACE, reason="waiting"), "waiting"),
        (events.RunSuspended(*PLACE, reason="waiting", wake_ms=9), "waiting"),
        (events.RunSuspended(*PLACE, reason="draining"), "running"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_run_that_has_not_ended_stands_where_its_newest_event_says(event: AnyEvent, state: str) -> None:
    assert summary(event) == RunSummary("run_1", "thr_1", "echo", state, 1000, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (events.AgentCompleted(*PLACE, result={}, usage={}, elapsed_ms=1), "completed"),
        (events.AgentFailed(*PLACE, error="internal", message="m", hint="h"), "failed"),
        (events.AgentCancelled(*PLACE, by="user"), "cancelled"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_run_that_has_ended_says_how_and_when(event: AnyEvent, state: str) -> None:
    found = summary(event, ended_seq=7)
    assert (found.state, found.ended_ms) == (state, 5000)
