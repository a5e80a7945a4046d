"""What was spent."""

from __future__ import annotations

import pytest

from netra_backend.app.agents.answers.spending import budget_in
from tests.unit.agents.conftest import Ask


async def test_a_period_is_passed_on_and_shown(ask: Ask) -> None:
    result, scope = await ask("How much did we spend in October?")
    assert scope.calls[-1][1]["period"] == {"from": "2026-10-01T00:00:00+00:00", "to": "2026-11-01T00:00:00+00:00"}
    assert "2026-10-01 to 2026-10-31" in result.text


async def test_a_breakdown_is_by_what_was_named(ask: Ask) -> None:
    result, scope = await ask("Show me the cost by team")
    assert scope.calls[-1][1] == {"group_by": ["team"]}
    assert "## By team" in result.text
    assert "## By model" not in result.text


async def test_a_jump_outside_of_the_named_period_is_not_shown(ask: Ask) -> None:
    rows = [{"at": 86_400 * day + 82_800, "input_tokens": 4_000_000 * (9 if day == 10 else 1)} for day in range(25)]
    result, _ = await ask("Why did our LLM spend jump on 2026-11-13?", rows=rows)
    assert [jump["at"] for jump in result.data["anomalies"]["anomalies"]] == ["2026-11-13"]
    result, _ = await ask("Why did our LLM spend jump on 2026-11-20?", rows=rows)
    assert result.data["anomalies"]["anomalies"] == []


async def test_a_budget_is_compared(ask: Ask) -> None:
    result, _ = await ask("Will we stay under $5k this month?")
    assert result.data["forecast"]["budget"]["usd"] == "5000"
    assert "Budget $5,000.00: will hold" in result.text


@pytest.mark.parametrize(
    ("message", "budget"),
    [
        ("under 20k", 20_000.0),
        ("a budget of $1,500.50?", 1500.5),
        ("below 2 million", 2_000_000.0),
        ("€300", 300.0),
        ("by 2027", None),
        ("under 0", None),
    ],
)
def test_budgets_are_read_as_people_write_them(message: str, budget: float | None) -> None:
    assert budget_in(message) == budget
