"""What a message asks."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netra_backend.app.agents.interface import PastMessage
from netra_backend.app.agents.triage.intents import INTENTS
from netra_backend.app.agents.triage.understanding import Understanding, understand

Ask = Callable[..., Understanding]


@pytest.mark.parametrize(
    ("message", "intent", "slots"),
    [
        ("how much did we burn on LLMs last month?", "cost_overview", {"period": "last month"}),
        ("which team costs most?", "cost_breakdown", {"group_by": "team"}),
        ("what happened on Tuesday?", "cost_anomaly", {"period": "Tuesday"}),
        ("where can I cut?", "savings_all", {}),
        ("would batching help?", "savings_lever", {"lever": "batch"}),
        ("what if all traffic went to haiku?", "what_if", {"model": "haiku"}),
        ("what if traffic doubles?", "what_if", {"volume_change": "doubles"}),
        ("what does gpt-4o cost per million output tokens?", "price_lookup", {"model": "gpt-4o"}),
        ("will we stay under 20k this month?", "forecast_budget", {"period": "this month"}),
        ("how many requests failed yesterday?", "usage_query", {"period": "yesterday"}),
        ("can you read a Langfuse export?", "data_import_help", {}),
        ("what can you do?", "agent_help", {}),
        ("write me a poem", "out_of_scope", {}),
        ("book a flight tomorrow", "out_of_scope", {}),
        ("would a smaller model do?", "savings_lever", {"lever": "right_size"}),
        ("what is the batch price of gpt-4o?", "price_lookup", {"model": "gpt-4o"}),
        ("how many cache reads did we have?", "usage_query", {}),
        ("what did our CDN cost?", "out_of_scope", {}),
        ("rotate our api key", "out_of_scope", {}),
        ("split the spend between gpt-4o and haiku", "cost_breakdown", {"model": "gpt-4o", "group_by": "model"}),
        ("does marketing cost more than engineering", "cost_breakdown", {"group_by": "team"}),
        ("how much went to openai and how much to anthropic", "cost_breakdown", {"group_by": "provider"}),
    ],
)
def test_the_examples_and_borders_of_the_domain(ask: Ask, message: str, intent: str, slots: dict[str, str]) -> None:
    found = ask(message)
    assert (found.intent, found.slots.as_json()) == (intent, slots)
    assert found.route == ("refuse" if intent == "out_of_scope" else "agent")


def test_a_period_is_given_in_dates_too(ask: Ask) -> None:
    period = ask("what did we spend last month").period
    assert period is not None
    assert (period.start, period.end) == ("2026-10-01", "2026-10-31")


def test_a_move_tells_all_models_and_its_factor(ask: Ask) -> None:
    found = ask("what if traffic triples and we go from gpt-4o to haiku")
    assert found.models == ("gpt-4o", "haiku")
    assert found.slots.model == "haiku"
    assert found.volume_factor == 3.0


@pytest.mark.usefixtures("unclear")
def test_what_is_unclear_is_asked_back_with_the_two_likeliest_intents(ask: Ask) -> None:
    found = ask("the haiku thing")
    assert found.route == "clarify"
    assert found.alternatives == ("cost_overview", "price_lookup")
    assert found.question == f"Would you like to know {INTENTS['cost_overview']}, or {INTENTS['price_lookup']}?"


def history(*pairs: tuple[str, dict[str, object]]) -> list[PastMessage]:
    return [
        message
        for text, data in pairs
        for message in (PastMessage("user", text, "a"), PastMessage("agent", "…", "a", dict(data)))
    ]


@pytest.mark.parametrize(
    ("message", "intent", "slots"),
    [
        ("and last week?", "cost_overview", {"period": "last week"}),
        ("by team?", "cost_breakdown", {"period": "last month", "group_by": "team"}),
        ("for haiku", "cost_overview", {"period": "last month", "model": "haiku"}),
        ("which model costs most?", "cost_breakdown", {"group_by": "model"}),
    ],
)
def test_a_fragment_goes_on_from_the_message_before(ask: Ask, message: str, intent: str, slots: dict[str, str]) -> None:
    found = ask(message, history=history(("what did we spend last month?", {"intent": "cost_overview"})))
    assert (found.intent, found.slots.as_json()) == (intent, slots)


def test_an_answer_to_a_question_completes_what_was_asked(ask: Ask) -> None:
    earlier = history(("haiku", {"question": "Would you like to know …?"}))
    found = ask("its list price per token", history=earlier)
    assert (found.intent, found.slots.model) == ("price_lookup", "haiku")


def test_a_fragment_after_nothing_stands_alone(ask: Ask) -> None:
    outside = history(("write a poem", {"refused": True}))
    assert ask("and last week?", history=outside) == ask("and last week?")


def test_a_model_may_choose_the_intent(ask: Ask) -> None:
    found = ask("haiku last month", chosen=["cost_overview"])
    assert (found.intent, found.route, found.decided_by) == ("cost_overview", "agent", "model")
    assert found.slots.model == "haiku"
    assert found.period == ask("haiku last month").period
    assert ask("haiku last month", chosen=["out_of_scope"]).route == "refuse"


def test_a_model_may_find_several_requests_each_with_what_its_part_names(ask: Ask) -> None:
    message = "What did we spend last month, and which team costs most?"
    found = ask(message, chosen=["cost_breakdown", "cost_overview", "savings_all"])
    assert [(part.intent, part.decided_by) for part in found.parts] == [
        ("cost_breakdown", "model"),
        ("cost_overview", "model"),
        ("savings_all", "model"),
    ]
    assert [part.slots.as_json() for part in found.parts[:2]] == [{"group_by": "team"}, {"period": "last month"}]
    assert found.parts[2].slots.period == "last month"


def test_a_model_may_choose_what_a_fragment_goes_on_with(ask: Ask) -> None:
    earlier = history(("what did we spend last month?", {}))
    found = ask("and for haiku?", history=earlier, chosen=["usage_query"])
    assert (found.intent, found.slots.as_json()) == ("usage_query", {"period": "last month", "model": "haiku"})
    assert ask("and for haiku?", history=earlier, chosen=["out_of_scope"]).route == "refuse"


def test_a_model_may_choose_what_an_answer_to_a_question_asks(ask: Ask) -> None:
    earlier = history(("haiku", {"question": "Would you like to know …?"}))
    found = ask("the price", history=earlier, chosen=["price_lookup"])
    assert (found.intent, found.slots.model) == ("price_lookup", "haiku")
    assert ask("the price", history=earlier, chosen=["out_of_scope"]).route == "refuse"


def test_it_is_plain_json(ask: Ask) -> None:
    found = ask("what did we spend last month?")
    assert json.loads(json.dumps(found.as_json())) == found.as_json()
    assert set(found.as_json()["slots"]) == {"period"}


def test_the_same_message_is_understood_the_same(ask: Ask) -> None:
    assert ask("what would batching save us?") == ask("what would batching save us?")


@pytest.mark.parametrize(
    "message",
    [
        "",
        " ",
        "?",
        "\x00",
        "💸" * 5_000,
        "a" * 65_536,
        "cost " * 13_000,
        "what if " * 8_000,
        "<b>" * 20_000,
        "𝖈𝖔𝖘𝖙 𝖇𝖞 𝖙𝖊𝖆𝖒",
    ],
)
def test_anything_is_understood_somehow(ask: Ask, message: str) -> None:
    found = ask(message)
    assert found.intent in INTENTS
    assert 0 <= found.confidence <= 1
    assert (found.route == "clarify") == (found.question is not None)


@settings(derandomize=True)
@given(st.text(max_size=200), st.integers(0, 4_000_000_000_000))
def test_no_message_and_no_moment_does_harm(message: str, now_ms: int) -> None:
    assert understand(message, now_ms=now_ms, timezone="Pacific/Auckland").intent in INTENTS


def test_fancy_letters_are_read_as_plain_ones(ask: Ask) -> None:
    assert ask("𝖈𝖔𝖘𝖙 𝖇𝖞 𝖙𝖊𝖆𝖒").intent == "cost_breakdown"
