"""List prices as an answer."""

from __future__ import annotations

from tests.unit.agents.conftest import Ask


async def test_prices_are_those_of_now_by_the_recorded_clock(ask: Ask) -> None:
    result, scope = await ask("What does gpt-4o cost per million output tokens?", rows=[])
    assert scope.calls[-1][1] == {"models": ["gpt-4o"], "at": "2026-11-02T12:00:00+00:00"}
    assert "| gpt-4o (openai) | standard | $2.50 | $1.25 | $2.50 | $2.50 | $10.00 |" in result.text


async def test_two_models_are_compared_in_one_table(ask: Ask) -> None:
    result, _ = await ask("price of gpt-4o vs gpt-4o-mini per million tokens")
    assert [model["model"] for model in result.data["prices"]["models"]] == ["gpt-4o", "gpt-4o-mini"]


async def test_hours_are_told_where_they_matter(ask: Ask) -> None:
    result, _ = await ask("what is the price of deepseek-chat per million tokens?")
    assert "00:30 UTC to 16:30 UTC" in result.text
