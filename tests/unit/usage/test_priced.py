"""Rows with their prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from netra_backend.app.usage.money import usd
from netra_backend.app.usage.priced import MAX_COMBINATIONS, price_rows
from test_framework.usage_rows import usage_rows


def costs(rows: Iterable[Mapping[str, Any]], **common: Any) -> list[str | None]:
    connection = usage_rows(rows, **common)
    price_rows(connection)
    found = connection.execute("SELECT cost FROM priced ORDER BY ts, model").fetchall()
    return [None if cost is None else usd(cost) for (cost,) in found]


def test_each_row_has_the_price_of_its_own_time() -> None:
    # o3: 10 in, 40 out until 2025-06-09, then 2 and 8.
    rows = [{"ts": datetime(2025, 6, 9, 23, 59)}, {"ts": datetime(2025, 6, 10)}]
    assert costs(rows, model="o3") == ["0.014", "0.0028"]


def test_each_row_has_the_tier_of_its_own_prompt() -> None:
    # claude-sonnet-4-5: 3 in up to 200,000 tokens, 6 above.
    rows = [{"at": 0, "input_tokens": 200_000}, {"at": 1, "input_tokens": 200_001}]
    assert costs(rows, provider="anthropic", model="claude-sonnet-4-5", output_tokens=0) == ["0.6", "1.200006"]


def test_a_sum_over_many_requests_has_the_tier_of_their_mean_prompt() -> None:
    row = {"input_tokens": 400_000, "requests": 4, "granularity": "hour", "output_tokens": 0}
    assert costs([row], provider="anthropic", model="claude-sonnet-4-5") == ["1.2"]


def test_off_peak_rows_have_the_off_peak_price_to_the_second() -> None:
    rows = [{"ts": datetime(2026, 11, 2, 0, 29, 59)}, {"ts": datetime(2026, 11, 2, 0, 30)}]
    assert costs(rows, provider="deepseek", model="deepseek-chat", output_tokens=0) == ["0.000135", "0.00027"]


def test_batch_rows_have_the_batch_price() -> None:
    assert costs([{"is_batch": True}]) == ["0.00175"]


def test_an_unknown_model_is_unpriced_and_not_free() -> None:
    assert costs([{"model": "no-such-model"}]) == [None]


def test_what_was_not_billed_costs_nothing() -> None:
    rows = [
        {"at": 0, "status": "gateway_cache"},
        {"at": 1, "status": "error", "cost_reported_usd": 0},
        {"at": 2, "status": "error"},
    ]
    assert costs(rows) == ["0", "0", "0.0035"]


def test_more_cached_tokens_than_input_are_cut_to_the_input() -> None:
    assert costs([{"cache_read_tokens": 5000, "cache_write_tokens": 5000, "output_tokens": 0}]) == ["0.00125"]


def test_writes_for_five_minutes_and_for_an_hour_are_priced_apart() -> None:
    # claude-sonnet-4-5: 3 in, 3.75 and 6 for writes: 200·3 + 300·3.75 + 500·6 = 4725 µ$.
    claude = {"provider": "anthropic", "model": "claude-sonnet-4-5", "output_tokens": 0}
    assert costs([{**claude, "cache_write_tokens": 800, "cache_write_1h_tokens": 500}]) == ["0.004725"]
    assert costs([{**claude, "cache_write_tokens": 800, "cache_write_1h_tokens": 9000}]) == ["0.0054"]


def test_absent_providers_and_tiers_join_like_present_ones() -> None:
    assert costs([{"provider": None, "service_tier": None, "is_batch": None}]) == ["0.0035"]


def test_a_log_of_invented_names_costs_a_bounded_search() -> None:
    rows = [{"model": f"invented-{i}"} for i in range(MAX_COMBINATIONS + 5)] + [{}, {}]
    found = costs(rows)
    assert found.count("0.0035") == 2
    assert found.count(None) == MAX_COMBINATIONS + 5


def test_pricing_twice_changes_nothing() -> None:
    connection = usage_rows([{}])
    assert price_rows(connection) == price_rows(connection)
    assert connection.execute("SELECT count(*) FROM priced").fetchone() == (1,)
