"""Suppositions, worked out by hand. gpt-4o 2.50/1.25/10, gpt-4o-mini 0.15/0.075/0.60; 1000 in, 100 out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.what_if import what_if
from test_framework.usage_rows import usage_rows


def suppose(rows: Iterable[Mapping[str, Any]] = ({},), **arguments: Any) -> dict[str, Any]:
    return what_if(usage_rows(rows), arguments)


def test_another_model_prices_the_same_tokens() -> None:
    found = suppose(to_model="gpt-4o-mini")
    assert (found["now_usd"], found["then_usd"], found["change_usd"]) == ("0.0035", "0.00021", "-0.00329")
    assert found["change_percent"] == -94.0
    assert found["by_model"] == [{"model": "gpt-4o", "now_usd": "0.0035", "then_usd": "0.00021"}]


def test_volume_multiplies_the_bill() -> None:
    assert suppose(volume_factor=2.5)["then_usd"] == "0.00875"


def test_a_cache_share_moves_input_to_the_caches_price() -> None:
    # 60 % of 1000 at 1.25, 40 % at 2.50, 100 out at 10: 0.00075 + 0.001 + 0.001 = 0.00275.
    assert suppose(cache_read_share=0.6)["then_usd"] == "0.00275"


def test_suppositions_combine() -> None:
    # gpt-4o-mini, half cached, twice: 2 · (500·0.075 + 500·0.15 + 100·0.6) µ$ = 2 · 172.5 µ$.
    assert suppose(to_model="gpt-4o-mini", cache_read_share=0.5, volume_factor=2)["then_usd"] == "0.000345"


def test_the_targets_tiers_go_by_each_request() -> None:
    # claude-sonnet-4-5: 3 up to 200k, 6 above: 100k · 3 + 300k · 6 = 0.3 + 1.8.
    rows = [{"input_tokens": 100_000, "output_tokens": 0}, {"input_tokens": 300_000, "output_tokens": 0}]
    assert suppose(rows, to_model="claude-sonnet-4-5")["then_usd"] == "2.1"


def test_unpriced_rows_are_counted_and_on_neither_side() -> None:
    found = suppose([{}, {"model": "no-such-model"}], to_model="gpt-4o-mini")
    assert (found["unpriced_rows"], found["then_usd"]) == (1, "0.00021")


def test_a_name_that_pins_no_version_offers_candidates() -> None:
    with pytest.raises(ToolError) as caught:
        suppose(to_model="haiku")
    assert caught.value.code == "AMBIGUOUS_MODEL"


def test_without_rows_the_answer_is_no_data() -> None:
    with pytest.raises(ToolError) as caught:
        suppose([], volume_factor=2)
    assert caught.value.code == "NO_DATA"
