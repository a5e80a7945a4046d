"""Savings."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.agents.cost_optimizer import CostOptimizer
from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.agents.tools.usage_tools import usage_tools
from test_framework.scripted_scope import InProcessLedger, ScriptedScope
from test_framework.usage_rows import report_of, usage_rows

from ..conftest import Ask, three_weeks

MAIN = "Where can I cut?"


async def test_the_report_is_the_one_that_everybody_gets(ask: Ask) -> None:
    result, _ = await ask(MAIN)
    assert result.data["report"] == await report_of(usage_rows(three_weeks()))


async def test_what_is_done_for_the_report_is_said_before_it_is_done(ask: Ask) -> None:
    _, scope = await ask(MAIN)
    assert [thought.split(" ")[0] for thought in scope.thoughts] == ["Checking", "First", "Then", "Finally,"]


async def reported_without(tool: str) -> AgentResult:
    rows = usage_rows(three_weeks())
    ledger: Any = InProcessLedger("user_1", rows, rows)
    tools = usage_tools(ledger)
    return await CostOptimizer().run(ScriptedScope(MAIN, tools, allowed=CostOptimizer.tools - {tool}))


@pytest.mark.parametrize("tool", ["cost_summary", "combine_savings"])
async def test_without_its_bill_or_its_savings_the_answer_is_that_tools_fault(tool: str) -> None:
    result = await reported_without(tool)
    assert result.data["code"] == "TOOL_NOT_ALLOWED"
    assert result.data["error"]["message"] == result.text.partition(".")[0] + "."


async def test_a_tool_that_the_report_can_do_without_leaves_a_note() -> None:
    report = (await reported_without("forecast_spend")).data["report"]
    assert report["forecast"] is None
    assert report["notes"] == ["There is no forecast: You cannot use forecast_spend here."]
    assert report["anomalies"]


async def test_one_lever_is_asked_for_alone(ask: Ask) -> None:
    result, scope = await ask("Would prompt caching help?")
    assert scope.calls[-1][1] == {"levers": ["prompt_cache"]}
    assert "Cannot be assessed with this log" in result.text


async def test_a_supposed_volume_is_passed_on(ask: Ask) -> None:
    result, scope = await ask("What if volume doubles?")
    assert scope.calls[-1][1] == {"volume_factor": 2.0}
    assert "2 times the volume" in result.text


async def test_only_the_model_that_is_moved_is_moved(ask: Ask) -> None:
    _, scope = await ask("What if we moved gpt-4o to gpt-4o-mini?")
    assert scope.calls[-1][1] == {"to_model": "gpt-4o-mini", "model": "gpt-4o"}
