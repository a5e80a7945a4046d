"""Counts as an answer."""

from __future__ import annotations

import pytest

from tests.unit.agents.conftest import Ask


@pytest.mark.parametrize(
    ("message", "metrics"),
    [
        ("How many requests failed yesterday?", ["requests", "errors", "error_rate"]),
        ("What is our p95 latency by model?", ["requests", "p50_latency_ms", "p95_latency_ms"]),
        ("How many tokens did we use last week?", ["requests", "input_tokens", "output_tokens"]),
        ("How many requests did we make?", ["requests", "input_tokens", "output_tokens", "errors"]),
    ],
)
async def test_the_words_choose_the_metrics(ask: Ask, message: str, metrics: list[str]) -> None:
    result, scope = await ask(message)
    assert scope.calls[-1][0] == "database_query"
    assert scope.calls[-1][1]["metrics"] == metrics
    assert result.data["result"]["columns"][-len(metrics) :] == metrics


async def test_periods_and_zones_are_passed_on(ask: Ask) -> None:
    _, scope = await ask("How many requests failed yesterday?", timezone="Europe/Berlin")
    arguments = scope.calls[-1][1]
    assert arguments["timezone"] == "Europe/Berlin"
    assert arguments["period"] == {"from": "2026-10-31T23:00:00+00:00", "to": "2026-11-01T23:00:00+00:00"}
