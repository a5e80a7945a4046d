"""Go on, ask back, or refuse."""

from __future__ import annotations

import pytest

from netra_backend.app.agents.triage import decision
from netra_backend.app.agents.triage.decision import BIAS, Decision, decide
from netra_backend.app.agents.triage.parse import read_message


def decided(monkeypatch: pytest.MonkeyPatch, message: str = "some words", **scores: float) -> Decision:
    monkeypatch.setattr(decision, "scores", lambda reading: dict(scores))
    return decide(read_message(message, now_ms=0, timezone="UTC"))


def test_a_clear_winner_inside_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    found = decided(monkeypatch, cost_overview=1.0, what_if=-1.0, out_of_scope=-1.0)
    assert (found.intent, found.route, found.decided_by) == ("cost_overview", "agent", "classifier")
    assert found.confidence > 0.95


def test_a_close_second_lowers_the_confidence(monkeypatch: pytest.MonkeyPatch) -> None:
    found = decided(monkeypatch, cost_overview=1.0, what_if=1.0, out_of_scope=-1.0)
    assert found.route == "agent"
    assert found.confidence == pytest.approx(0.5, abs=0.01)


def test_a_clear_winner_outside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = decided(monkeypatch, cost_overview=-1.0, what_if=-1.0, out_of_scope=1.0)
    assert (found.intent, found.route) == ("out_of_scope", "refuse")


def test_between_the_two_a_question_is_asked_with_the_likeliest_intents(monkeypatch: pytest.MonkeyPatch) -> None:
    found = decided(monkeypatch, cost_overview=0.0, what_if=-0.5, savings_all=-0.1, out_of_scope=0.05 - BIAS)
    assert found.route == "clarify"
    assert found.alternatives == ("cost_overview", "savings_all")
    assert found.confidence < 0.5


def test_a_rule_comes_before_the_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    found = decided(monkeypatch, "hello", cost_overview=9.0, what_if=0.0, out_of_scope=0.0)
    assert (found.intent, found.decided_by) == ("agent_help", "rule")


@pytest.mark.parametrize("score", [-1e9, 1e9])
def test_extreme_scores_do_no_harm(monkeypatch: pytest.MonkeyPatch, score: float) -> None:
    assert 0 <= decided(monkeypatch, cost_overview=score, what_if=0.0, out_of_scope=0.0).confidence <= 1


def test_reasons_name_the_concepts(monkeypatch: pytest.MonkeyPatch) -> None:
    found = decided(monkeypatch, "why did the cost jump", cost_anomaly=1.0, what_if=0.0, out_of_scope=0.0)
    assert found.reasons == ("its words speak of: change, cost, why",)
