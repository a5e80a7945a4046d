"""Why one day cost more than others: volume × mix × tokens × price, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .history import STEP, History, real_where, usd_of
from .money import PICO_PER_USD
from .rows import Rows

DIMENSIONS: Final = ("model", "team", "feature")
Measures = dict[str, tuple[float, float, float]]
"""Model → requests, tokens, USD; of one day, or of a mean day."""
_NONE: Final = (0.0, 0.0, 0.0)


def explain(
    rows: Rows, arguments: Mapping[str, Any], history: History, index: int, reference: Sequence[int]
) -> dict[str, Any]:
    """Split the difference between one day (or hour) and the mean of the ``reference`` ones.

    ``explained_by`` sums to ``usd − reference_usd``: what more requests cost at the old mean, what a shift between models, more
    tokens a request and a dearer token (also: more output, less cache) added. ``top`` names the model, team and feature that
    grew (or shrank) most.
    """
    days = [history.starts[day] for day in reference]
    now = _measures(rows, arguments, history, [history.starts[index]], "model")
    usual = _measures(rows, arguments, history, days, "model")
    return {
        "reference_usd": usd_of(sum(cost for _, _, cost in usual.values())),
        "explained_by": [{"part": part, "usd": usd_of(amount)} for part, amount in split(usual, now).items()],
        "top": {
            name: key
            for name in DIMENSIONS
            if (key := _most_changed(rows, arguments, history, index, days, name)) is not None
        },
    }


def split(usual: Measures, now: Measures) -> dict[str, float]:
    """Volume, mix, tokens and price, in this order, each with the ones before it as they are now. They sum exactly to the
    difference."""
    requests_before, requests_now = (sum(row[0] for row in measured.values()) for measured in (usual, now))
    cost_before, cost_now = (sum(row[2] for row in measured.values()) for measured in (usual, now))
    if not requests_before or not requests_now:
        return {"volume": cost_now - cost_before, "mix": 0.0, "tokens": 0.0, "price": 0.0}
    at_volume = cost_before * requests_now / requests_before
    at_mix = at_tokens = 0.0
    for model, (requests, tokens, cost) in now.items():
        old_requests, old_tokens, old_cost = usual.get(model, _NONE)
        # A model that is new has no old price: all of its cost is mix.
        at_mix += requests * old_cost / old_requests if old_requests else cost
        at_tokens += tokens * old_cost / old_tokens if old_tokens else cost
    return {
        "volume": at_volume - cost_before,
        "mix": at_mix - at_volume,
        "tokens": at_tokens - at_mix,
        "price": cost_now - at_tokens,
    }


def _measures(
    rows: Rows, arguments: Mapping[str, Any], history: History, starts: Sequence[Any], column: str
) -> dict[Any, tuple[float, float, float]]:
    """Requests, tokens and USD by ``column`` on the mean of these days or hours."""
    condition, parameters = real_where(arguments)
    times = " OR ".join("(ts >= ? AND ts < ?)" for _ in starts)
    bounds = [bound for start in starts for bound in (start, start + STEP[history.unit])]
    found = rows.execute(
        f"SELECT {column}, sum(n), sum(input_tokens + output_tokens), sum(cost) FROM priced "  # noqa: S608
        f"WHERE {condition} AND price_id IS NOT NULL AND ({times}) GROUP BY 1 ORDER BY 4 DESC LIMIT 1000",
        [*parameters, *bounds],
    ).fetchall()
    count = len(starts)
    return {
        key: (float(n) / count, float(tokens) / count, float(cost) / PICO_PER_USD / count)
        for key, n, tokens, cost in found
    }


def _most_changed(
    rows: Rows, arguments: Mapping[str, Any], history: History, index: int, days: Sequence[Any], column: str
) -> str | None:
    """The model, team or feature whose cost went furthest in the direction of the whole."""
    now = _measures(rows, arguments, history, [history.starts[index]], column)
    usual = _measures(rows, arguments, history, days, column)
    change = {key: now.get(key, _NONE)[2] - usual.get(key, _NONE)[2] for key in {**now, **usual}}
    sign = 1 if sum(change.values()) >= 0 else -1
    named = [key for key in change if key is not None]
    return max(named, key=lambda key: (sign * change[key], key), default=None)
