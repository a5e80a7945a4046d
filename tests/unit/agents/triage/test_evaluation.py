"""How well triage does on labelled utterances."""

from __future__ import annotations

import json

import pytest

from netra_backend.app.agents.triage import evaluation
from netra_backend.app.agents.triage.evaluation import CLARIFIED, Labelled, Share, SlotScore, evaluate, read_labelled
from netra_backend.app.agents.triage.understanding import Slots, Understanding

NOW = 1_795_000_000_000


def test_a_share_has_its_wilson_interval() -> None:
    low, high = Share(9, 10).interval
    assert (low, high) == pytest.approx((0.59585, 0.98212), abs=1e-5)
    assert Share(0, 0).interval == (0.0, 1.0)
    assert Share(0, 0).value == 0.0


def test_f1_is_zero_where_there_is_nothing() -> None:
    assert SlotScore(0, 0, 0).f1 == 0.0
    assert SlotScore(1, 2, 1).f1 == pytest.approx(2 / 3)


LINES = [
    Labelled("one", "cost_overview", {"period": "in October"}),
    Labelled("two", "cost_overview", {}),
    Labelled("three", "what_if", {"model": "gpt4o mini"}),
    Labelled("four", "out_of_scope", None),
    Labelled("five", "out_of_scope", None),
    Labelled("six", "out_of_scope", None),
]
FOUND = {
    "one": Understanding("cost_overview", 0.9, "agent", Slots(period="October")),
    "two": Understanding("cost_overview", 0.4, "clarify", Slots(model="haiku")),
    "three": Understanding("price_lookup", 0.9, "agent", Slots(model="gpt-4o-mini")),
    "four": Understanding("out_of_scope", 0.9, "refuse"),
    "five": Understanding("what_if", 0.4, "clarify"),
    "six": Understanding("what_if", 0.9, "agent", Slots(model="haiku")),
}


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> evaluation.Evaluation:
    monkeypatch.setattr(evaluation, "understand", lambda text, **_: FOUND[text])
    return evaluate(LINES, now_ms=NOW)


def test_a_clarification_is_wrong_inside_and_a_rejection_outside(found: evaluation.Evaluation) -> None:
    assert (found.in_scope_accuracy.right, found.in_scope_accuracy.of) == (1, 3)
    assert (found.out_of_scope_recall.right, found.out_of_scope_recall.of) == (2, 3)
    assert (found.out_of_scope_precision.right, found.out_of_scope_precision.of) == (2, 3)


def test_slots_count_on_lines_that_label_them_and_periods_by_overlap(found: evaluation.Evaluation) -> None:
    assert found.slots["period"] == SlotScore(1, 1, 1)
    assert found.slots["model"] == SlotScore(1, 2, 1)
    assert found.slot_f1 == pytest.approx(2 * 2 / (3 + 2))


def test_the_confusion_names_what_was_asked_back(found: evaluation.Evaluation) -> None:
    assert found.confusion[("cost_overview", CLARIFIED)] == 1
    assert found.confusion[("what_if", "price_lookup")] == 1


def test_predictions_keep_the_order(found: evaluation.Evaluation) -> None:
    assert list(found.predictions) == list(FOUND.values())


def test_the_json_has_the_figures_as_fractions(found: evaluation.Evaluation) -> None:
    figures = json.loads(json.dumps(found.as_json()))
    assert figures["in_scope_accuracy"] == pytest.approx(1 / 3, abs=1e-4)
    assert {"out_of_scope_recall", "out_of_scope_precision", "slot_f1", "intervals", "confusion"} <= set(figures)


@pytest.mark.parametrize(
    ("name", "want", "have", "same"),
    [
        ("period", "the last week", "last week", True),
        ("period", "in May", "in June", False),
        ("model", "Claude Sonnet 4.5", "claude-sonnet-4-5", True),
        ("model", "gpt-4o", "gpt-4o-mini", False),
        ("lever", "Batch", "batch", True),
        ("group_by", "team", "user", False),
    ],
)
def test_values_are_compared_by_what_they_mean(name: str, want: str, have: str, same: bool) -> None:
    assert evaluation._same(name, want, have) is same


def test_lines_are_read() -> None:
    lines = [
        '{"text": "a", "intent": "what_if", "slots": {"model": "x", "lever": null, "other": 1}}',
        "",
        '{"text":"b","intent":"agent_help"}',
    ]
    assert read_labelled(lines) == [Labelled("a", "what_if", {"model": "x"}), Labelled("b", "agent_help", None)]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["nonsense"], "Line 1 is not JSON"),
        (["[]"], "Line 1 has no text"),
        (['{"text": 1, "intent": "what_if"}'], "Line 1 has no text"),
        (['{"text": "a", "intent": "dance"}'], "Line 1 has no known intent"),
        (['{"text": "a", "intent": ["what_if"]}'], "Line 1 has no known intent"),
        (['{"text": "a", "intent": "what_if", "slots": 1}'], "slots must be an object"),
        ([""], "no utterances"),
    ],
)
def test_a_line_that_does_not_fit_is_named(lines: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_labelled(lines)
