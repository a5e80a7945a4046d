"""What an agent asks for is compared with what was recorded, also where that shows less than was asked."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.core.asks import (
    ModelCall,
    OwnStep,
    Question,
    Saying,
    Thought,
    ToolCall,
    ask_of,
    fingerprint,
    hidden_key,
    is_hidden,
    is_same,
)
from netra_backend.app.core.events import (
    AgentDelta,
    AgentThinking,
    ApprovalRequested,
    ModelStarted,
    QuestionAsked,
    StepFinished,
    StepStarted,
    ToolExecuting,
    decode_event,
    encode_event,
)
from netra_backend.app.core.hidden_values import HiddenValues

PLACE = ("thr_1", "run_1", 1, 0)
VALUE = "a/secret:of ours"
ASKED = [
    (AgentThinking(*PLACE, VALUE, "think#1"), Thought(VALUE)),
    (AgentDelta(*PLACE, "c", 1, VALUE, step="say#1"), Saying(VALUE)),
    (AgentDelta(*PLACE, "c", 1, VALUE), None),
    (ToolExecuting(*PLACE, "c", "t", {"a": [VALUE]}, "tool:t#1"), ToolCall("t", {"a": [VALUE]})),
    (ApprovalRequested(*PLACE, "q", "c", "t", {"a": VALUE}, "h", 9, "tool:t#1"), ToolCall("t", {"a": VALUE})),
    (ModelStarted(*PLACE, "c", 1, VALUE, "model#1", "f"), ModelCall("f")),
    (StepStarted(*PLACE, "c", "step", VALUE, "step:s#1"), OwnStep("step", VALUE)),
    (QuestionAsked(*PLACE, "q", VALUE, 9, "c", "ask#1", {"enum": [VALUE]}), Question(VALUE, {"enum": [VALUE]})),
    (StepFinished(*PLACE, "c", False, 0, error={"message": VALUE}), None),
]


@pytest.fixture
def hidden() -> HiddenValues:
    values = HiddenValues()
    values.add(VALUE)
    return values


@pytest.mark.parametrize(("event", "ask"), ASKED, ids=lambda each: type(each).__name__)
def test_what_was_asked_is_told_from_all_else_by_an_event_that_hides_it(
    hidden: HiddenValues, event: Any, ask: Any
) -> None:
    assert ask_of(event) == ask
    shown: Any = decode_event(hidden.event(encode_event(event)))
    assert VALUE not in encode_event(shown).decode()
    if ask is None or isinstance(ask, ModelCall):
        assert getattr(shown, "fingerprint", "") == getattr(event, "fingerprint", "")
        return
    recorded = ask_of(shown)
    assert recorded is not None
    assert recorded != ask
    assert is_same(recorded, ask, "run_1", shown.fingerprint)
    assert not is_same(recorded, recorded, "run_1", shown.fingerprint)
    assert not is_same(recorded, ask, "run_2", shown.fingerprint)
    assert shown.step == event.step


def test_a_key_that_is_not_to_be_seen_has_another_in_its_place(hidden: HiddenValues) -> None:
    key = "step:of a%2Fsecret%3Aof ours#1"
    shown: Any = decode_event(hidden.event(encode_event(StepStarted(*PLACE, "c", "step", "named", key))))
    assert shown.step == hidden_key("run_1", key) != hidden_key("run_1", key.replace("#1", "#2"))
    assert (is_hidden(shown.step), is_hidden(key), shown.fingerprint) == (True, False, "")


@pytest.mark.parametrize(
    "arguments", [{"a": (1, 2)}, {"a": "\ud83d"}, {1: [2.5, None]}, {"z": 1, "a": {"c": 2, "b": 3}}]
)
def test_what_is_asked_is_python_and_what_was_recorded_has_been_json(arguments: Any) -> None:
    asked = ToolCall("t", arguments)
    text = "\ufffd" if "\ud83d" in arguments.values() else None
    recorded = ToolCall(
        "t", {"1": [2.5, None]} if 1 in arguments else {"a": text or [1, 2]} if len(arguments) == 1 else arguments
    )
    assert is_same(recorded, asked)
    assert fingerprint("r", asked) == fingerprint("r", recorded)


def test_what_is_no_json_or_of_another_kind_is_something_else() -> None:
    assert not is_same(Thought("a"), Saying("a"))
    assert not is_same(ToolCall("t", {}), ToolCall("t", {"a": object()}))
    assert not is_same(ToolCall("t", {}), ToolCall("t", {"a": object()}), "r", "f")
    assert is_same(ModelCall(), ModelCall("x"))
    assert not is_same(ModelCall("y"), ModelCall("x"))
