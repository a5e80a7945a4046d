"""Right-size, worked out by hand. gpt-4o 2.50/10, gpt-4o-mini 0.15/0.60.

A row of 1000 in, 100 out: 0.0035 now, 0.00021 on the smaller model. Moving a share s with 10 % escalated saves
s · (0.0035 − 0.00021 − 0.1 · 0.0035) = s · 0.00294.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.usage.levers.conftest import Estimate


def test_nothing_is_promised_before_an_evaluation(estimate: Estimate) -> None:
    answer = estimate("right_size", [{}])
    assert (answer["low"], answer["base"]) == (0, 0)
    assert answer["high"] == pytest.approx(Decimal("0.00147"), abs=Decimal("1e-9"))  # s = 0.5
    assert answer["details"]["scenarios"] == [
        {"share_percent": 25, "usd": "0.000735"},
        {"share_percent": 50, "usd": "0.00147"},
    ]
    assert answer["details"]["smaller_models"] == [{"model": "gpt-4o", "smaller": "gpt-4o-mini", "small_requests": 1}]


def test_an_evaluated_share_is_counted_in_low_and_base(estimate: Estimate) -> None:
    answer = estimate("right_size", [{}], options={"evaluated_share": 0.4})
    assert answer["base"] == pytest.approx(Decimal("0.001176"), abs=Decimal("1e-9"))  # 0.4 · 0.00294
    assert answer["confidence"] == "medium"


@pytest.mark.parametrize(
    "change", [{"input_tokens": 4001}, {"output_tokens": 501}, {"model": "gpt-4o-mini", "status": "error"}]
)
def test_large_and_failed_requests_are_left_where_they_are(estimate: Estimate, change: dict[str, Any]) -> None:
    assert estimate("right_size", [change])["high"] == 0


def test_a_model_without_a_smaller_sibling_has_nothing_to_save(estimate: Estimate) -> None:
    assert estimate("right_size", [{"model": "gpt-4o-mini"}])["status"] == "none_found"


def test_sums_over_hours_do_not_tell_small_requests(estimate: Estimate) -> None:
    answer = estimate("right_size", [{"granularity": "hour", "requests": 40}])
    assert answer["status"] == "not_assessable"


@pytest.mark.parametrize(
    ("provider", "model", "smaller"),
    [
        ("anthropic", "claude-opus-4-8", "claude-sonnet-4-6"),
        ("anthropic", "claude-sonnet-4-5", "claude-haiku-4-5"),
        ("google", "gemini-2.5-pro", "gemini-2.5-flash"),
        ("openai", "gpt-5", "gpt-5-mini"),
    ],
)
def test_the_smaller_model_is_of_the_same_family(estimate: Estimate, provider: str, model: str, smaller: str) -> None:
    answer = estimate("right_size", [{"provider": provider, "model": model}])
    assert [found["smaller"] for found in answer["details"]["smaller_models"]] == [smaller]
    assert answer["high"] > 0
