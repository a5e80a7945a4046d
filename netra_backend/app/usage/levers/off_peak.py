"""Off-peak: work moved to the hours in which its model is cheaper."""

from __future__ import annotations

from typing import Final

import numpy as np

from .. import pricing
from ..priced import PriceRow
from ..pricing import Rates
from .lever import NOTHING, Bill, Lever, Missing, Plan, Saving, Scenario
from .log import Log
from .repricing import factors, used_prices


def assess(log: Log) -> Plan | Missing:
    """Find rows that were paid at a higher price than the cheapest hour of their day."""
    cheaper = {
        index: (rates, log.prices[index].rates)
        for index in used_prices(log)
        if (rates := _cheapest_hours(log.prices[index])) is not None
    }
    if not cheaper:
        return Plan(
            _nothing,
            0.0,
            "high",
            ("No model in this log has prices by time of day, or all work already runs off-peak.",),
        )
    change = factors(log, cheaper)
    at_peak = log.priced_as(cheaper) & (log.cost > 0) & log.knows("real_times")
    if not at_peak.any():
        return Missing(("real timestamps",), "Import a log with the real times of its requests.")
    movable = {
        Scenario.LOW: np.flatnonzero(at_peak & log.marked_as_waiting),
        Scenario.BASE: np.flatnonzero(at_peak & (log.marked_as_waiting | log.tagged)),
        Scenario.HIGH: np.flatnonzero(at_peak),
    }

    def take(bill: Bill, scenario: Scenario) -> Saving:
        rows = movable[scenario]
        if not len(rows):
            return NOTHING
        return Saving(rows, bill.scale(rows, **{part: factor[log.price[rows]] for part, factor in change.items()}))

    return Plan(
        take,
        coverage=float(log.cost[at_peak].sum()),
        confidence="medium",
        assumptions=(
            "Low moves the features that were named as able to wait, base also moves work that is tagged so, "
            "high moves everything.",
            "Weekends and holidays are priced like other days, so some of this work may already run off-peak.",
        ),
    )


def _nothing(bill: Bill, scenario: Scenario) -> Saving:
    return NOTHING


def _cheapest_hours(price: PriceRow) -> Rates | None:
    """The rates of the cheapest hours of the same days, where they are cheaper than these."""
    context = pricing.context_for(price.service_tier, price.is_batch)
    same_days = [span for span in pricing.schedule(price.listing, context) if span.since == price.since]
    rates = min(
        (span.quote.rates(price.rates.above + 1) for span in same_days), key=lambda found: (found.input, found.output)
    )
    return rates if rates.input < price.rates.input else None


LEVER: Final = Lever(
    "off_peak",
    "Move work to cheaper hours",
    "Σ cost now − cost at the cheapest hours of the day",
    "answers arrive later",
    assess,
)
