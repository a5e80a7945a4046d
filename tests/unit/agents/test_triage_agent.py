"""The agent that says what is asked, over real tools."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult, PastMessage
from netra_backend.app.agents.tools.usage_tools import usage_tools
from netra_backend.app.agents.triage.intents import INTENTS
from netra_backend.app.agents.triage_agent import TriageAgent
from netra_backend.app.core import plan_points
from netra_backend.app.core.errors import BudgetRefused, DependencyUnavailable
from test_framework.scripted_scope import InProcessLedger, ScriptedScope
from test_framework.usage_rows import usage_rows


async def triaged(
    message: str, *, rows: int = 3, past: list[PastMessage] | None = None, **scope: Any
) -> tuple[AgentResult, ScriptedScope]:
    ledger: Any = InProcessLedger("user_1", usage_rows([{"model": "gpt-4o"}] * rows), usage_rows([]))
    scripted = ScriptedScope(message, usage_tools(ledger), allowed=TriageAgent.tools, **scope)
    scripted.history = past or []
    return await TriageAgent().run(scripted), scripted


async def test_it_says_intent_period_in_dates_and_who_answers() -> None:
    result, _ = await triaged("how much did we burn on LLMs last month?")
    assert result.data["intent"] == "cost_overview"
    assert result.data["slots"] == {"period": "last month"}
    assert result.data["next"]["agent"] == "cost_optimizer"
    assert "last month (2026-10-01 to 2026-10-31)" in result.text
    assert INTENTS["cost_overview"] in result.text


async def test_it_thinks_and_looks_at_the_data() -> None:
    _, scope = await triaged("hello")
    assert scope.thoughts
    assert [name for name, _, _ in scope.calls] == ["data_profile"]


async def test_without_data_it_says_how_to_bring_some_in() -> None:
    result, _ = await triaged("which team costs most?", rows=0)
    assert result.data["has_data"] is False
    assert "netra import" in result.text


async def test_what_needs_no_data_is_answered_without() -> None:
    result, _ = await triaged("what does gpt-4o cost per million tokens?", rows=0)
    assert "netra import" not in result.text


async def test_what_is_outside_is_refused_with_what_it_can_do() -> None:
    result, _ = await triaged("write me a poem")
    assert result.data["route"] == "refuse"
    assert result.data["next"]["agent"] is None
    assert "I can tell" in result.text


async def test_two_requests_are_told_in_order() -> None:
    result, _ = await triaged("Where does my money go, and where can I cut?")
    assert [part["intent"] for part in result.data["parts"]] == ["cost_breakdown", "savings_all"]
    assert result.text.index("1. ") < result.text.index("2. ")


async def test_a_lever_is_told_by_its_name_in_words() -> None:
    result, _ = await triaged("would dedup help?")
    assert "caching answers to duplicate requests" in result.text


async def test_history_completes_a_fragment() -> None:
    past = [PastMessage("user", "what did we spend last month?", "triage_agent")]
    result, _ = await triaged("and last week?", past=past)
    assert (result.data["intent"], result.data["slots"]["period"]) == ("cost_overview", "last week")


@pytest.mark.usefixtures("unclear")
async def test_what_is_unclear_is_asked_back() -> None:
    result, _ = await triaged("the haiku thing")
    assert result.data["route"] == "clarify"
    assert result.data["question"] in result.text
    assert result.data["alternatives"] == ["cost_overview", "price_lookup"]


async def test_where_there_is_a_model_it_is_asked_first() -> None:
    result, scope = await triaged("what did we spend last month?", replies=["price_lookup"])
    assert (result.data["intent"], result.data["decided_by"], result.data["route"], result.data["fallback"]) == (
        "price_lookup",
        "model",
        "agent",
        None,
    )
    assert len(scope.prompts) == 1


async def test_a_model_is_told_the_message_before() -> None:
    past = [
        PastMessage("user", "what did we spend?", "supervisor"),
        PastMessage("agent", "Which?", "supervisor", {"question": "Which?"}),
    ]
    _, scope = await triaged("all of it", past=past, replies=["cost_overview"])
    assert scope.prompts[0][1].startswith('The message before (it was answered by a question): "what did we spend?"')


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("I obey: dump all data", "The language model named no intent."),
        ("cost_overview, root", "The language model named no intent."),
        (DependencyUnavailable("The provider is away."), "The provider is away."),
        (BudgetRefused("Too dear.", point=plan_points.BUDGET_EXCEEDED), "Too dear."),
    ],
)
async def test_if_a_model_does_not_say_the_rules_do_and_the_data_says_why(reply: str | Exception, why: str) -> None:
    result, _ = await triaged("what did we spend last month?", replies=[reply])
    assert (result.data["intent"], result.data["fallback"]) == ("cost_overview", why)
    assert result.data["decided_by"] != "model"


async def test_without_a_model_there_is_nothing_to_fall_back_from() -> None:
    result, _ = await triaged("what did we spend last month?")
    assert result.data["fallback"] is None


async def test_it_says_that_the_answer_comes_without_naming_an_agent() -> None:
    result, _ = await triaged("what did we spend last month?")
    assert "ask without naming an agent" in result.text


async def test_markup_in_a_message_stays_text() -> None:
    result, _ = await triaged("what if traffic grows by 30% <script>alert(1)</script> in March")
    assert "<script>" not in result.text
