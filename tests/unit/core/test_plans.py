"""Plans: read whole from a file, or refused with every fault and its key."""

from __future__ import annotations

import tomllib
from decimal import Decimal

import pytest

from netra_backend.app.core.budgets import Bound, RunBudget
from netra_backend.app.core.limits import USUAL
from netra_backend.app.core.plans import PLAN_LIMITS, Plan, Plans, make_plans, of_agents

WHOLE = """
[plans.free]
agents = ["triage_agent"]
tools = ["price_lookup"]
limits = { runs = 1, run_s = 30, claim_rate = 0.5 }

[plans.free.budget]
run = { tokens = 20000 }
day = { usd = 0.1, tokens = 100000 }
month = { usd = "1.000000000001" }
timezone = "Europe/Berlin"
unpriced = "count"

[plans.pro]
"""


def made(text: str, usual: str = "") -> tuple[Plans | None, list[str]]:
    return make_plans(tomllib.loads(text, parse_float=Decimal), USUAL, usual, lambda name: "/" in name or name == "UTC")


def test_a_plan_has_what_the_file_says_with_exact_amounts_and_the_servers_limits_for_the_rest() -> None:
    plans, faults = made(WHOLE)
    assert not faults
    assert plans is not None
    free = plans.of("free")
    assert (free.name, free.agents, free.tools) == ("free", frozenset({"triage_agent"}), frozenset({"price_lookup"}))
    assert (free.limits.runs, free.limits.run_s, free.limits.claim_rate) == (1, 30.0, 0.5)
    assert (free.limits.connections, type(free.limits.run_s)) == (USUAL.connections, float)
    assert free.budget == RunBudget(
        Bound(tokens=20_000),
        Bound(Decimal("0.1"), 100_000),
        Bound(Decimal("1.000000000001")),
        "Europe/Berlin",
        counts_unpriced=True,
    )
    assert plans.of("pro") == Plan("pro", USUAL)
    assert plans.has("pro")
    assert not plans.has("gold")


@pytest.mark.parametrize(("usual", "name"), [("", ""), ("free", "free")])
def test_the_usual_plan_is_that_of_a_token_that_names_none_and_of_a_run_whose_plan_is_gone(
    usual: str, name: str
) -> None:
    plans, _ = made(WHOLE, usual)
    assert plans is not None
    assert plans.of("").name == plans.of("gone").name == name


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("plan = 1", "plan: this is not known here. Did you mean plans?"),
        ("plans = 1", "plans: use a table."),
        ("[plans.Free]", "plans.Free: a plan's name is lower-case letters, digits, _ and -, and begins with a letter."),
        ("[plans]\nfree = 1", "plans.free: use a table."),
        ("[plans.free]\nlimit = {}", "plans.free.limit: this is not known here. Did you mean limits?"),
        ("[plans.free]\nlimits = { run = 1 }", "plans.free.limits.run: this is not known here. Did you mean runs?"),
        ("[plans.free]\nlimits = { backlog = 16 }", "plans.free.limits.backlog: this is not known here."),
        ("[plans.free]\nlimits = { runs = 0 }", "plans.free.limits.runs: use a whole number from 1 to 10000 (runs)."),
        ("[plans.free]\nlimits = { runs = 1.5 }", "plans.free.limits.runs: use a whole number from 1 to 10000 (runs)."),
        (
            "[plans.free]\nlimits = { runs = true }",
            "plans.free.limits.runs: use a whole number from 1 to 10000 (runs).",
        ),
        ("[plans.free]\nlimits = { run_s = nan }", "plans.free.limits.run_s: use a number from 1 to 604800 (seconds)."),
        (
            "[plans.free]\nlimits = { byte_burst = 65536 }",
            "plans.free.limits: byte_burst is smaller than message_bytes. Raise the first or lower the second.",
        ),
        ("[plans.free]\nbudget = {}", "plans.free.budget: it bounds nothing. Add one of run, day, month."),
        ("[plans.free]\nbudget = { day = {} }", "plans.free.budget.day: it bounds nothing. Add usd or tokens."),
        ("[plans.free]\nbudget = { week = {} }", "plans.free.budget.week: this is not known here."),
        (
            "[plans.free.budget]\nday = { usd = 1, eur = 1 }",
            "plans.free.budget.day.eur: this is not known here.",
        ),
        (
            "[plans.free.budget]\nday = { tokens = 1 }\ntimezone = 'Berlin'",
            "plans.free.budget.timezone: use an IANA name such as Europe/Berlin.",
        ),
        (
            "[plans.free.budget]\nday = { tokens = 1 }\nunpriced = 'free'",
            "plans.free.budget.unpriced: use refuse or count.",
        ),
        (
            "[plans.free.budget]\nday = { tokens = -1 }",
            "plans.free.budget.day.tokens: use a whole number from 0 to 1000000000000000.",
        ),
        ("[plans.free]\nagents = 'all'", "plans.free.agents: use a list of names."),
        ("[plans.free]\ntools = [1]", "plans.free.tools: use a list of names."),
    ],
)
def test_a_fault_names_its_key_and_what_to_write(text: str, fault: str) -> None:
    plans, faults = made(text)
    assert plans is None
    assert fault in faults


@pytest.mark.parametrize("usd", ["-1", "'1e3'", "1000001", "0.0000000000001", "nan", "inf", "true", "'1,00'"])
def test_an_amount_is_dollars_with_at_most_twelve_places(usd: str) -> None:
    plans, faults = made(f"[plans.free.budget]\nday = {{ usd = {usd} }}")
    assert plans is None
    assert faults == [
        "plans.free.budget.day.usd: use an amount of dollars from 0 to 1,000,000, with at most twelve places."
    ]


def test_all_faults_are_told_at_once() -> None:
    _, faults = made("[plans.a]\nx = 1\n[plans.b]\nlimits = { runs = 0 }", "c")
    assert [fault.partition(":")[0] for fault in faults] == ["plans.a.x", "plans.b.limits.runs", "NETRA_DEFAULT_PLAN"]


def test_what_a_plan_names_and_the_server_lacks_is_told_with_the_nearest_name() -> None:
    plans, _ = made(WHOLE)
    assert plans is not None
    assert plans.unknown_names(["triage_agent"], ["price_lookup"]) == []
    assert plans.unknown_names(["triage_agents"], []) == [
        "plans.free.agents: there is no agent named 'triage_agent'. Did you mean triage_agents?",
        "plans.free.tools: there is no tool named 'price_lookup'.",
    ]


def test_every_limit_of_a_plan_is_one_of_the_server() -> None:
    assert set(PLAN_LIMITS) <= set(USUAL.__dataclass_fields__)


def test_who_may_ask_some_agents_has_a_plan_with_those_of_them_that_it_had() -> None:
    free = Plan("free", USUAL, agents=frozenset({"a", "b"}))
    assert of_agents(free, frozenset(), USUAL) is free
    assert of_agents(None, frozenset(), USUAL) is None
    narrow = of_agents(free, frozenset({"b", "c"}), USUAL)
    assert narrow == Plan("free", USUAL, agents=frozenset({"b"}))
    assert of_agents(None, frozenset({"c"}), USUAL) == Plan("", USUAL, agents=frozenset({"c"}))
    assert of_agents(Plan("big", USUAL), frozenset({"c"}), USUAL) == Plan("big", USUAL, agents=frozenset({"c"}))
