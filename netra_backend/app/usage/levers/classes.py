"""Requests of one kind: the same model and feature. What the levers on lengths share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from .lever import NOTHING, Bill, Indices, Missing, Plan, Saving, Scenario
from .log import Floats, Ints, Log

SMALLEST_CLASS: Final = 20
"""A class of fewer requests says nothing about what is usual."""

CAPS: Final[Mapping[Scenario, float]] = {Scenario.LOW: 0.99, Scenario.BASE: 0.95, Scenario.HIGH: 0.90}
"""What counts as usual: the quantile of the class above which tokens are excess."""


def excess_plan(log: Log, tokens: Ints, part: str, priced_by: Ints, assumption: str) -> Plan | Missing:
    """A plan that cuts ``tokens`` to their class's quantile and takes the excess off ``part`` of the bill, of which
    ``priced_by`` are the tokens."""
    rows = np.flatnonzero(log.single & log.priced & log.ok)
    group = log.kind_number[rows]
    large = np.bincount(group)[group] >= SMALLEST_CLASS
    rows, group = rows[large], group[large]
    if not len(rows):
        return Missing(
            ("requests",),
            f"It takes at least {SMALLEST_CLASS} requests for one model and feature, one row per request, to "
            "know what is usual.",
        )
    usual = _quantiles_by_group(tokens[rows], group)

    def take(bill: Bill, scenario: Scenario) -> Saving:
        excess = np.minimum(np.maximum(tokens[rows] - usual[scenario][group], 0), priced_by[rows])
        chosen = np.flatnonzero((excess > 0) & (getattr(bill, part)[rows] > 0))
        if not len(chosen):
            return NOTHING
        left: Floats = 1 - excess[chosen] / priced_by[rows[chosen]]
        return Saving(rows[chosen], bill.scale(rows[chosen], **{part: left}))

    return Plan(
        take,
        coverage=float(log.cost[rows].sum()),
        confidence="low",
        assumptions=(
            "Usual means the 99th (low), 95th (base) or 90th (high) percentile for the same model and "
            f"feature; classes with fewer than {SMALLEST_CLASS} requests are left out.",
            assumption,
        ),
    )


def _quantiles_by_group(values: Ints, group: Indices) -> dict[Scenario, Ints]:
    """By scenario and group, the nearest-rank quantile: the smallest value that at least that share of the group do not
    exceed."""
    width = int(values.max()) + 1
    ascending = np.sort(group * width + values) % width
    counts = np.bincount(group)
    firsts = np.cumsum(counts) - counts
    present = counts > 0
    quantiles = {}
    for scenario, share in CAPS.items():
        ranks = np.maximum(np.ceil(share * counts - 1e-9).astype(np.int64), 1) - 1
        quantiles[scenario] = np.zeros(len(counts), dtype=np.int64)
        quantiles[scenario][present] = ascending[(firsts + ranks)[present]]
    return quantiles
