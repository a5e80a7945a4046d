"""Failures and resends, worked out by hand. gpt-4o: a row of 1000 in, 100 out costs 0.0035; without output 0.0025."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.unit.usage.levers.conftest import Estimate

EACH = Decimal("0.0035")


def test_failures_count_by_how_sure_it_is_that_they_were_billed(estimate: Estimate) -> None:
    rows: list[dict[str, Any]] = [
        {"status": "error", "cost_reported_usd": "0.004"},  # proven: low, base, high
        {"status": "error"},  # had output: base, high
        {"status": "error", "output_tokens": 0},  # had none: high only, 0.0025
        {"status": "error", "cost_reported_usd": "0"},  # reported as free: not on the bill at all
        {},
    ]
    answer = estimate("retries", rows)
    assert (answer["low"], answer["base"], answer["high"]) == (EACH, 2 * EACH, 2 * EACH + Decimal("0.0025"))
    assert answer["details"]["failed_requests"] == 4


def test_the_same_prompt_within_a_minute_is_a_resend(estimate: Estimate) -> None:
    rows = [{"at": 0}, {"at": 59}, {"at": 200}]
    answer = estimate("retries", rows, prompt_hash="h")
    assert (answer["base"], answer["high"]) == (0, EACH)
    assert answer["details"]["resent_requests"] == 1


def test_without_a_hash_a_prompt_of_the_same_size_in_the_same_session_is_a_resend(estimate: Estimate) -> None:
    # 1005 tokens differ from 1000 by less than 1 %; 1200 do not. The resend costs 1005 · 2.5 µ$ + 100 · 10 µ$ = 0.0035125.
    rows = [{"at": 0}, {"at": 10, "input_tokens": 1005}, {"at": 20, "input_tokens": 1200}]
    assert estimate("retries", rows, session_id="s")["high"] == Decimal("0.0035125")


def test_what_another_tenant_sends_is_no_resend(estimate: Estimate) -> None:
    assert estimate("retries", [{"at": 0, "team": "a"}, {"at": 1, "team": "b"}], prompt_hash="h")["high"] == 0


def test_without_statuses_it_says_what_to_log(estimate: Estimate) -> None:
    answer = estimate("retries", [{}], capabilities=["per_request"])
    assert answer["status"] == "not_assessable"
    assert answer["missing"] == ["status"]


def test_a_log_without_failures_has_nothing_to_save(estimate: Estimate) -> None:
    assert estimate("retries", [{}, {"at": 500}])["status"] == "none_found"
