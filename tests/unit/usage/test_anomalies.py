"""Jumps and drops."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.anomalies import detect_anomalies
from test_framework.usage_rows import usage_rows

START = datetime(2026, 9, 7)
WEEK = [100, 104, 98, 101, 103, 40, 38]
"""Requests a day, Monday to Sunday."""


def daily(counts: Sequence[int], **changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a day that stands for ``count`` requests of 100,000 input tokens of gpt-4o: 0.25 USD each."""
    return [
        {
            "ts": START + timedelta(days=day, hours=23, minutes=30),
            "requests": count,
            "input_tokens": 100_000 * count,
            "output_tokens": 0,
            "granularity": "day",
            "team": "search",
            "feature": "chat",
            **changes.get(f"day_{day}", {}),
        }
        for day, count in enumerate(counts)
    ]


def found(rows: Iterable[Mapping[str, Any]], **arguments: Any) -> dict[str, Any]:
    return detect_anomalies(usage_rows(rows), arguments)


def test_a_jump_is_found_and_weekends_are_not() -> None:
    counts = WEEK * 6
    counts[30] = 400  # a Wednesday
    answer = found(daily(counts))
    assert answer["method"].startswith("STL")
    (jump,) = answer["anomalies"]
    assert (jump["at"], jump["direction"], jump["usd"]) == ("2026-10-07", "jump", "100")
    assert Decimal(jump["expected_usd"]) == pytest.approx(Decimal("24.5"), abs=Decimal(3))


def test_the_excess_is_explained_and_placed() -> None:
    counts = WEEK * 6
    counts[30] = 400
    (jump,) = found(daily(counts, day_30={"team": "ingest", "feature": "crawl"}))["anomalies"]
    parts = {part["part"]: Decimal(part["usd"]) for part in jump["explained_by"]}
    assert sum(parts.values()) == pytest.approx(
        Decimal(jump["usd"]) - Decimal(jump["reference_usd"]), abs=Decimal("1e-5")
    )
    assert parts["volume"] == pytest.approx(sum(parts.values()))
    assert jump["top"] == {"model": "gpt-4o", "team": "ingest", "feature": "crawl"}


def test_a_drop_is_found_within_the_log_but_not_at_its_cut_ends() -> None:
    counts = WEEK * 6
    counts[30] = 0
    assert [(jump["at"], jump["direction"]) for jump in found(daily(counts))["anomalies"]] == [("2026-10-07", "drop")]
    counts = WEEK * 6
    counts[0] = counts[-1] = 0
    assert found(daily(counts))["anomalies"] == []


def test_what_is_below_the_floor_is_no_anomaly() -> None:
    counts = WEEK * 6
    counts[30] = 400
    assert found(daily(counts), floor_usd=80)["anomalies"] == []


def test_less_than_a_fifth_is_no_anomaly_however_calm_the_series() -> None:
    counts = [100] * 30
    counts[20] = 115
    assert found(daily(counts))["anomalies"] == []
    counts[20] = 125
    assert [jump["at"] for jump in found(daily(counts))["anomalies"]] == ["2026-09-27"]


def test_a_short_history_is_looked_at_by_the_hour_with_a_rolling_median() -> None:
    rows: list[dict[str, Any]] = [
        {"ts": START + timedelta(hours=hour), "input_tokens": 10_000_000, "granularity": "hour"} for hour in range(48)
    ]
    rows[30]["input_tokens"] = 90_000_000
    answer = found(rows)
    assert (answer["unit"], answer["method"]) == ("hour", "rolling median of 24, MAD")
    assert [jump["at"] for jump in answer["anomalies"]] == ["2026-09-08T06:00Z"]


def test_too_short_a_history_is_refused() -> None:
    with pytest.raises(ToolError) as caught:
        found([{}, {"at": 3600}])
    assert caught.value.code == "INSUFFICIENT_HISTORY"


def test_the_answer_is_plain_json() -> None:
    answer = found(daily(WEEK * 3))
    assert json.loads(json.dumps(answer)) == answer
