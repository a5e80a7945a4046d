"""The judge of interrupted runs notices each kind of broken promise, and nothing where all were kept."""

from __future__ import annotations

from typing import Any

import pytest

from test_framework.crashes.judge import Told, judge

Events = list[dict[str, Any]]
UNKNOWN = {"code": "OUTCOME_UNKNOWN"}


def run(*events: dict[str, Any]) -> Events:
    whole = [{"type": "user_message"}, {"type": "agent_started"}, *events]
    return [{"seq": seq, **event} for seq, event in enumerate(whole, 1)]


def call(key: str, **end: Any) -> Events:
    return [
        {"type": "tool_executing", "call_id": key, "step": f"tool:{key}"},
        {"type": "tool_completed", "call_id": key, "ok": True, **end},
    ]


def asked(key: str, text: str, attempt: int = 1) -> Events:
    return [
        {"type": "model_started", "call_id": key, "step": f"model:{key}", "attempt": attempt},
        {"type": "agent_delta", "call_id": key, "attempt": attempt, "text": text},
        {"type": "model_completed", "call_id": key, "attempt": attempt, "finish_reason": "stop"},
    ]


END: dict[str, Any] = {"type": "agent_completed", "result": {"text": "done"}}
EVENTS = run(*call("a", result=1), *call("b", result=2), *asked("m", "yes"), END)
ASKED_AFTER: Any = ([], ["m?"])
REFERENCE = Told(EVENTS, len(EVENTS), (["pay a", "pay b", "~look"], []), (["m?"], []))


def broken(events: Events, committed: int, **told: Any) -> list[str]:
    return list(judge(Told(events, committed, **told), REFERENCE, same_results=True))


@pytest.mark.parametrize("committed", range(len(EVENTS)))
def test_a_run_that_went_on_as_it_would_have_kept_every_promise(committed: int) -> None:
    asked_before = committed >= 7
    resumed = [*EVENTS[:committed], {"type": "run_resumed"}, *EVENTS[committed:]]
    events = [{**event, "seq": seq} for seq, event in enumerate(resumed, 1)]
    prompts = (["m?"], []) if asked_before else ([], ["m?"])
    assert broken(events, committed, effects=(["pay a", "~look"], ["pay b", "~look"]), prompts=prompts) == []


def test_an_effect_that_was_had_twice_is_noticed() -> None:
    found = broken(EVENTS, 4, effects=(["pay a", "pay b"], ["pay b"]), prompts=ASKED_AFTER)
    assert found == ["pay b took effect 2 times"]


def test_an_effect_that_is_missing_without_a_word_is_noticed() -> None:
    (found,) = broken(EVENTS, 4, effects=(["pay a"], []), prompts=ASKED_AFTER)
    assert "missing" in found


def test_what_may_be_had_again_is_had_once_after_the_restart() -> None:
    (found,) = broken(EVENTS, 4, effects=(["pay a", "pay b"], ["~look", "~look"]), prompts=ASKED_AFTER)
    assert found == "~look took effect 2 times after the restart"


@pytest.mark.parametrize(("committed", "right"), [(3, True), (4, False), (2, False)])
def test_unknown_is_right_between_the_beginning_and_the_end_alone(committed: int, right: bool) -> None:
    events = run(*call("a", ok=False, error=UNKNOWN), *call("b", result=2), *asked("m", "yes"), END)
    found = broken(events, committed, effects=(["pay a"], ["pay b"]), prompts=([], ["m?"]))
    assert found == ([] if right else ["the outcome of a was known, and is told as unknown"])


def test_two_ends_and_none_are_noticed() -> None:
    two = run(*call("a", result=1), *call("b", result=2), *asked("m", "yes"), END, END)
    for events in (two, EVENTS[:-1]):
        found = broken(events, 4, effects=REFERENCE.effects, prompts=([], ["m?"]))
        assert any("ended" in each for each in found)


def test_a_hole_is_noticed() -> None:
    found = broken([*EVENTS[:3], *EVENTS[4:]], 2, effects=REFERENCE.effects, prompts=ASKED_AFTER)
    assert any("holes" in each for each in found)


def test_a_recorded_request_that_was_sent_again_is_noticed() -> None:
    again = run(*call("a", result=1), *call("b", result=2), *asked("m", "yes"), *asked("m", "yes", 2)[:1], END)
    found = broken(again, 9, effects=REFERENCE.effects, prompts=(["m?"], ["m?"]))
    assert any("asked again for m" in each for each in found)
    found = broken(EVENTS, 9, effects=REFERENCE.effects, prompts=(["m?"], ["m?"]))
    assert any("asked 1 times after" in each for each in found)


def test_swapped_results_and_answers_are_noticed() -> None:
    swapped = run(*call("a", result=2), *call("b", result=1), *asked("m", "yes"), END)
    found = broken(swapped, 4, effects=REFERENCE.effects, prompts=([], ["m?"]))
    assert sum("without the restart to" in each for each in found) == 2
    other = run(*call("a", result=1), *call("b", result=2), *asked("m", "no"), END)
    found = broken(other, 4, effects=REFERENCE.effects, prompts=([], ["m?"]))
    assert any("'no'" in each for each in found)
    fewer = run(*call("a", result=1), *asked("m", "yes"), END)
    found = broken(fewer, 4, effects=REFERENCE.effects, prompts=([], ["m?"]))
    assert any("other steps" in each for each in found)
