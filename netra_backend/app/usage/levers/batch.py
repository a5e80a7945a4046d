"""Batch: work that can wait a day, at the provider's batch price."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from .. import pricing
from ..priced import PriceRow
from .lever import NOTHING, Bill, Lever, Missing, Plan, Saving, Scenario
from .log import Log
from .repricing import factors, used_prices


def assess(log: Log) -> Plan | Missing:
    """Find the work that was named or tagged as able to wait, and what its models cost in batch."""
    found = {index: _batch_rates(log.prices[index], *times) for index, times in used_prices(log).items()}
    discounts = {
        index: (rates.batch, rates.standard)
        for index, rates in found.items()
        if rates and rates.batch != rates.standard
    }
    later = sorted(
        {log.prices[i].listing.model.id for i, rates in found.items() if i in discounts and rates and rates.later}
    )
    change = factors(log, discounts)
    cheaper = log.priced_as(discounts)
    candidates = log.priced & ~log.batched & log.ok & cheaper
    named = np.flatnonzero(candidates & log.marked_as_waiting)
    either = np.flatnonzero(candidates & (log.marked_as_waiting | log.tagged))
    if not len(either) and candidates.any():
        return Missing(
            ("work that can wait",),
            "Name the features whose answers can take up to a day (batch_features), or tag them in the log: "
            "an operation or feature with batch, bulk, offline, nightly, backfill or eval in its name.",
        )

    def take(bill: Bill, scenario: Scenario) -> Saving:
        rows = named if scenario is Scenario.LOW else either
        if not len(rows):
            return NOTHING
        return Saving(rows, bill.scale(rows, **{part: factor[log.price[rows]] for part, factor in change.items()}))

    assumptions = [
        "Low counts the named features; base and high also count work that is tagged by its name.",
        "Answers can take up to 24 hours, and the provider's batch API accepts the request as it is.",
    ]
    if later:
        assumptions.append(
            f"The price list has batch prices for {', '.join(later)} only from a date after some of the "
            "requests; that later discount was used."
        )
    return Plan(
        take,
        coverage=float(log.cost[candidates].sum()),
        confidence="high" if len(named) == len(either) else "medium",
        assumptions=tuple(assumptions),
        details={"eligible_requests": int(log.n[either].sum()), "named_requests": int(log.n[named].sum())},
    )


@dataclass(frozen=True, slots=True)
class _BatchRates:
    batch: pricing.Rates
    standard: pricing.Rates
    later: bool


def _batch_rates(price: PriceRow, first: datetime, last: datetime) -> _BatchRates | None:
    """The batch price that held at the last of the rows, or else the first one dated after it; the standard price of the same
    date; and whether some of the rows are older than that price."""
    for span in pricing.schedule(price.listing, pricing.BATCH):
        if span.quote.context_matched and (span.until is None or span.until > last):
            standard = pricing.quote(price.listing, max(span.since, last))
            if standard is not None:
                size = price.rates.above + 1
                return _BatchRates(span.quote.rates(size), standard.rates(size), first < span.since)
    return None


LEVER: Final = Lever(
    "batch",
    "Send work that can wait as a batch",
    "Σ eligible·(standard price − batch price)",
    "none; answers arrive within a day",
    assess,
)
