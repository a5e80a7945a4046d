"""Values and failures in records: as they were."""

from __future__ import annotations

import contextvars
from typing import Any

import msgspec
import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.types import Command, Interrupt

from netra_backend.app.agents.frameworks.langgraph.packing import (
    FrameworkFailure,
    failure,
    failure_record,
    packed,
    unpacked,
)
from netra_backend.app.core.hidden_values import HiddenValues
from netra_backend.app.services import hiding


class Refused(Exception):
    """An exception whose constructor asks for more than a record has."""

    def __init__(self, text: str, *, status: int, response: object) -> None:
        super().__init__(text)
        self.status = status
        self.response = response


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"a": [1, b"\x00", {2}]},
        AIMessage("x", id="1", usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}),
        [ToolMessage("x", tool_call_id="1", artifact={"a": 1})],
        Command(update={"a": 1}, goto="b"),
        Interrupt("x", id="0" * 32, response_schema={"type": "integer"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert unpacked(packed(value)) == value


SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (SECRET, "***"),
        ({SECRET: [1, (SECRET,), {f"the {SECRET}"}]}, {"***": [1, ["***"], {"the ***"}]}),
        ({"b": f"\xff{SECRET}".encode("latin-1")}, {"b": b"\xff***"}),
        (SECRET.encode(), b"***"),
        (AIMessage(f"it is {SECRET}", id="1"), AIMessage("it is ***", id="1")),
        (
            [ToolMessage("x", tool_call_id="1", artifact={"a": SECRET})],
            [ToolMessage("x", tool_call_id="1", artifact={"a": "***"})],
        ),
        (Command(update={"a": SECRET}, goto="b"), Command(update={"a": "***"}, goto="b")),
        ({"a": 1}, {"a": 1}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_comes_back_without_what_the_run_hides_and_its_record_breaks_by_nothing(value: Any, shown: Any) -> None:
    hidden = HiddenValues()
    hidden.add(SECRET)

    def run() -> Any:
        hiding.enter(hidden)
        return unpacked(msgspec.json.decode(hidden.encoded(msgspec.json.encode(packed(value)))))

    assert contextvars.copy_context().run(run) == shown


def test_a_failure_comes_back_as_its_class_with_what_of_it_is_plain() -> None:
    fault = Refused("too many", status=429, response=object())
    again = failure(failure_record(fault))
    assert isinstance(again, Refused)
    assert (str(again), again.status, hasattr(again, "response")) == ("too many", 429, False)
    assert failure_record(again) == failure_record(fault)


def test_a_failure_of_a_class_that_is_not_there_says_the_same() -> None:
    class Local(Exception):
        pass

    again = failure(failure_record(Local("what", object)))
    assert isinstance(again, FrameworkFailure)
    assert str(again).startswith("what, ")


def test_what_is_no_exception_is_not_made() -> None:
    assert isinstance(failure({"module": "os", "name": "system", "args": ["true"], "fields": {}}), FrameworkFailure)
    assert isinstance(failure({"module": "builtins", "name": "SystemExit", "args": [], "fields": {}}), FrameworkFailure)
