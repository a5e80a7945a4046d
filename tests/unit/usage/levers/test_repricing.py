"""The same tokens at other prices."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from netra_backend.app.usage.levers.log import Log, Options, load_log
from netra_backend.app.usage.levers.repricing import bill_of, factors, tokens_by_price, used_prices
from test_framework.usage_rows import ROW, usage_rows


def log() -> Log:
    rows: list[dict[str, Any]] = [{"at": 0}, {"at": 60, "cache_read_tokens": 400}, {"at": 90, "model": "no-such-model"}]
    return load_log(usage_rows(rows), {}, Options())


def test_a_price_is_used_from_its_first_row_to_its_last() -> None:
    first, last = next(iter(used_prices(log()).values()))
    assert first == ROW["ts"].replace(tzinfo=UTC)
    assert last == datetime(2026, 11, 2, 12, 1, tzinfo=UTC)
    assert len(used_prices(log())) == 1


def test_factors_are_new_over_old_and_one_elsewhere() -> None:
    loaded = log()
    (index,) = used_prices(loaded)
    old = loaded.prices[index].rates
    change = factors(loaded, {index: (replace(old, input=old.input // 2), old)})
    assert change["input"][index] == 0.5
    assert change["output"][index] == 1
    assert change["input"][-1] == 1


def test_a_part_that_was_free_stays_as_it_is() -> None:
    loaded = log()
    (index,) = used_prices(loaded)
    old = replace(loaded.prices[index].rates, output=0)
    assert factors(loaded, {index: (loaded.prices[index].rates, old)})["output"][index] == 1


def test_tokens_by_price_cost_what_their_rows_cost() -> None:
    loaded = log()
    (index,) = used_prices(loaded)
    tokens = tokens_by_price(loaded, np.flatnonzero(loaded.priced))[index]
    assert tokens == (1600, 400, 0, 200)
    assert bill_of(tokens, loaded.prices[index].rates) == loaded.cost.sum()
