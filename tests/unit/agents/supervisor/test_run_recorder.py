"""What a run has used and shown so far, over all of its steps."""

from __future__ import annotations

from typing import Any, cast

import pytest

from netra_backend.app.agents.supervisor.run_recorder import RunRecorder, step_error
from netra_backend.app.core.errors import OutcomeUnknown
from netra_backend.app.core.events import RunSuspended
from netra_backend.app.core.journal import Journal


class Emitter:
    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def emit(self, event: Any, *own: Any, **named: Any) -> bool:
        self.events.append((event, *own))
        return False


@pytest.fixture
def emitter() -> Emitter:
    return Emitter()


@pytest.fixture
def recorder(emitter: Emitter) -> RunRecorder:
    return RunRecorder(cast(Any, emitter), Journal("run_1"), cast(Any, None))


def test_usage_is_summed_by_model_and_in_all(recorder: RunRecorder) -> None:
    recorder.count("configured", {"model": "a-1", "input_tokens": 2, "output_tokens": 3, "cost_usd": "0.10"})
    recorder.count("configured", {"model": "a-1", "input_tokens": 5, "output_tokens": 7, "cost_usd": "0.20"})
    recorder.count("b", {"input_tokens": 1, "cache_read_tokens": 4, "reasoning_tokens": 6})
    recorder.count("c", {})
    assert list(recorder.usage.values()) == [
        {"model": "a-1", "requests": 2, "input_tokens": 7, "output_tokens": 10, "cost_usd": "0.30"},
        {
            "model": "b",
            "requests": 1,
            "input_tokens": 1,
            "output_tokens": 0,
            "cache_read_tokens": 4,
            "reasoning_tokens": 6,
        },
        {"model": "c", "requests": 1, "input_tokens": 0, "output_tokens": 0},
    ]
    assert recorder.total() == {"input_tokens": 8, "output_tokens": 10, "cost_usd": "0.30"}


def test_a_result_is_the_longest_message_that_it_begins_with_or_one_of_its_own(recorder: RunRecorder) -> None:
    recorder.shown("run_1:0", "Hel")
    recorder.shown("run_1:0", "lo")
    recorder.shown("run_1:1", "Hello wor")
    recorder.shown("run_1:2", "")
    recorder.shown("run_1:3", "ello")
    assert recorder.message_of("Hello") == "run_1:0"
    assert recorder.message_of("Hello world") == "run_1:1"
    assert recorder.message_of("Good evening") == ""


def test_a_run_that_was_not_resumed_need_not_say_that_it_waits(recorder: RunRecorder, emitter: Emitter) -> None:
    recorder.suspend("waiting")
    assert emitter.events == []
    recorder.journal.beginnings = 2
    recorder.suspend("waiting")
    recorder.suspend("waiting")
    assert emitter.events == [(RunSuspended, "waiting")]


def test_an_error_is_made_anew_from_its_record() -> None:
    record = {"code": "NO_SEATS", "message": "Sold out.", "hint": "Take the next.", "details": {"left": 0}}
    error = step_error("book", record)
    assert (error.code, error.message, error.hint, error.details) == tuple(record.values())
    assert isinstance(step_error("book", {"code": "OUTCOME_UNKNOWN", "message": "m"}), OutcomeUnknown)
