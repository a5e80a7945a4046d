"""Batch, worked out by hand. gpt-4o: 2.50 in, 10 out; in batch half of each. A row of 1000 in, 100 out: 0.0035 → 0.00175."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from tests.unit.usage.levers.conftest import Estimate

HALF = Decimal("0.00175")


def test_low_counts_what_was_named_and_base_also_what_is_tagged(estimate: Estimate) -> None:
    rows = [{"feature": "reports"}, {"feature": "nightly-eval"}, {"feature": "chat"}]
    answer = estimate("batch", rows, options={"batch_features": ["reports"]})
    assert (answer["low"], answer["base"], answer["high"]) == (HALF, 2 * HALF, 2 * HALF)
    assert answer["details"] == {"eligible_requests": 2, "named_requests": 1}


def test_a_tag_is_a_word_of_its_own(estimate: Estimate) -> None:
    assert estimate("batch", [{"feature": "evaluator-chat"}, {"feature": "medieval"}])["status"] == "not_assessable"


def test_where_nothing_is_named_or_tagged_it_says_what_to_tell(estimate: Estimate) -> None:
    answer = estimate("batch", [{}])
    assert answer["status"] == "not_assessable"
    assert "batch_features" in answer["remedy"]


def test_what_went_as_batch_already_saves_nothing_more(estimate: Estimate) -> None:
    assert estimate("batch", [{"feature": "nightly", "is_batch": True}])["status"] == "none_found"


def test_a_model_without_a_batch_price_is_not_offered(estimate: Estimate) -> None:
    answer = estimate("batch", [{"model": "grok-4", "provider": "x-ai", "feature": "nightly"}])
    assert answer["status"] == "none_found"


def test_before_the_list_knew_batch_prices_the_later_discount_is_taken_and_said(estimate: Estimate) -> None:
    answer = estimate("batch", [{"feature": "nightly", "ts": datetime(2026, 6, 1)}])
    assert answer["base"] == HALF
    assert any("only from a date after" in sentence and "gpt-4o" in sentence for sentence in answer["assumptions"])
    recent = estimate("batch", [{"feature": "nightly"}])
    assert not any("only from a date after" in sentence for sentence in recent["assumptions"])
