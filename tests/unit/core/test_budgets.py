"""Run budgets: which bound holds, exactly."""

from __future__ import annotations

from decimal import Decimal

import pytest

from netra_backend.app.core.budgets import (
    Amount,
    Bound,
    ModelUse,
    Period,
    RunBudget,
    Spent,
    most_tokens,
    subject_of,
)

PICO = Decimal("0.000000000001")
SPENT = Spent(Amount(Decimal("0.1"), 10), Amount(Decimal("0.2"), 20), Amount(Decimal("0.3"), 30))


@pytest.mark.parametrize(
    ("budget", "period"),
    [
        (RunBudget(), None),
        (RunBudget(run=Bound(usd=Decimal("0.2"))), None),
        (RunBudget(run=Bound(usd=Decimal("0.2") - PICO)), "run"),
        (RunBudget(day=Bound(usd=Decimal("0.3"), tokens=21)), None),
        (RunBudget(day=Bound(usd=Decimal("0.3"), tokens=20)), "day"),
        (RunBudget(month=Bound(tokens=31)), None),
        (RunBudget(month=Bound(usd=Decimal("0.4") - PICO)), "month"),
        (RunBudget(run=Bound(tokens=0), day=Bound(tokens=0), month=Bound(tokens=0)), "run"),
        (RunBudget(day=Bound(tokens=0), month=Bound(tokens=0)), "day"),
    ],
)
def test_a_bound_may_be_reached_and_the_narrowest_that_does_not_hold_is_named(
    budget: RunBudget, period: Period | None
) -> None:
    assert budget.exceeded(SPENT, Amount(Decimal("0.1"), 1)) == period


@pytest.mark.parametrize(
    ("budget", "is_so"),
    [
        (RunBudget(), False),
        (RunBudget(day=Bound(tokens=1)), False),
        (RunBudget(day=Bound(usd=Decimal(0))), True),
        (RunBudget(run=Bound(usd=Decimal(1))), True),
    ],
)
def test_a_budget_is_in_dollars_if_any_of_its_bounds_is(budget: RunBudget, is_so: bool) -> None:
    assert budget.is_in_dollars is is_so


def test_a_use_is_of_the_run_that_its_call_names() -> None:
    use = ModelUse("user_ada", "run_1:22", 1, 0, "2026-11-30", "m", None, 3, 4)
    assert use.run_id == "run_1"
    assert use.amount == Amount(Decimal(0), 7)


def test_sums_lie_under_a_name_that_tells_two_users_apart_and_neither() -> None:
    assert subject_of("user_ada") != subject_of("user_bob")
    assert "ada" not in subject_of("user_ada")
    assert len(subject_of("user_ada")) == 40


def test_a_prompt_has_at_most_as_many_tokens_as_bytes_and_a_few() -> None:
    assert most_tokens("ab", "ä") == 4 + 64
    assert most_tokens("\ud800") == 3 + 64
