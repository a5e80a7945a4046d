"""Off-peak, worked out by hand. deepseek-chat: 0.27 in, 1.10 out from 00:30 to 16:30 UTC, else 0.135 and 0.55.

A row of 1000 in, 100 out: 0.00038 by day, 0.00019 by night.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from tests.unit.usage.levers.conftest import Estimate

NIGHT_SAVES = Decimal("0.00019")
BY_DAY = {"provider": "deepseek", "model": "deepseek-chat", "ts": datetime(2026, 11, 2, 12)}


def test_work_that_can_wait_is_moved_to_the_night(estimate: Estimate) -> None:
    rows = [
        {**BY_DAY, "feature": "reports"},
        {**BY_DAY, "feature": "nightly"},
        {**BY_DAY, "feature": "chat"},
        {**BY_DAY, "feature": "chat", "ts": datetime(2026, 11, 2, 20)},
    ]
    answer = estimate("off_peak", rows, options={"batch_features": ["reports"]})
    assert (answer["low"], answer["base"], answer["high"]) == (NIGHT_SAVES, 2 * NIGHT_SAVES, 3 * NIGHT_SAVES)


def test_a_model_with_one_price_all_day_has_nothing_to_save(estimate: Estimate) -> None:
    assert estimate("off_peak", [{"feature": "nightly"}])["status"] == "none_found"


def test_assumed_times_say_nothing_of_the_hour(estimate: Estimate) -> None:
    answer = estimate("off_peak", [BY_DAY], capabilities=["per_request"])
    assert answer["missing"] == ["real timestamps"]
