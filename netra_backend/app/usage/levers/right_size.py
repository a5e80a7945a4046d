"""Right-size: small requests on a smaller model of the same family."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

import numpy as np

from .. import pricing
from ..money import usd
from ..priced import PriceRow
from ..pricing import Rates
from .lever import NOTHING, Bill, Indices, Lever, Missing, Plan, Saving, Scenario
from .log import Floats, Log
from .repricing import factors, used_prices

SMALL_INPUT: Final = 4_000
SMALL_OUTPUT: Final = 500
ESCALATED: Final = 0.10
"""The part of moved requests that is asked of the larger model all the same."""
SCENARIO_SHARES: Final = (0.25, 0.50)

SMALLER: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (r"^gpt-4o(-20.*)?$", ("gpt-4o-mini",)),
    (r"^gpt-4(-turbo.*|-0.*|-1.*)?$", ("gpt-4o-mini",)),
    (r"^gpt-4\.1$", ("gpt-4.1-mini",)),
    (r"^gpt-(5(?:\.\d)?)$", (r"gpt-\1-mini", "gpt-5-mini")),
    (r"^gpt-(5(?:\.\d)?)-mini$", (r"gpt-\1-nano", "gpt-5-nano")),
    (r"^o[13](-pro|-preview)?$", ("o4-mini", "o3-mini")),
    (r"^claude-.*opus.*$", ("claude-sonnet-4-6", "claude-sonnet-4-5")),
    (r"^claude-.*sonnet.*$", ("claude-haiku-4-5",)),
    (r"^gemini-(\d(?:\.\d)?)-pro.*$", (r"gemini-\1-flash", "gemini-2.5-flash")),
    (r"^gemini-(\d(?:\.\d)?)-flash$", (r"gemini-\1-flash-lite", "gemini-2.5-flash-lite")),
    (r"^grok-4.*$", ("grok-4-fast", "grok-3-mini")),
    (r"^mistral-large.*$", ("mistral-small-latest", "mistral-small")),
    (r"^deepseek-reasoner$", ("deepseek-chat",)),
)
"""Model → smaller ones of its family, the first that is listed and cheaper counts. Which model is good enough only an
evaluation tells; the list only says what to evaluate."""


def smaller_model(price: PriceRow, at: datetime) -> tuple[str, Rates] | None:
    """The smaller model of the same family at the same provider, and its rates at that time."""
    for pattern, names in SMALLER:
        matched = re.match(pattern, price.listing.model.id)
        for name in names if matched else ():
            candidate = matched.expand(name) if matched else name
            listing = pricing.find(candidate, price.listing.provider.id)
            quote = pricing.quote(listing, at) if listing else None
            if listing is None or quote is None or listing.model.id == price.listing.model.id:
                continue
            rates = quote.rates(price.rates.above + 1)
            if rates.input < price.rates.input and rates.output < price.rates.output:
                return listing.model.id, rates
    return None


def assess(log: Log) -> Plan | Missing:
    """Find small requests of models that have a smaller sibling."""
    siblings = {
        index: found
        for index, (_, last) in used_prices(log).items()
        if (found := smaller_model(log.prices[index], last)) is not None
    }
    change = factors(log, {index: (rates, log.prices[index].rates) for index, (_, rates) in siblings.items()})
    small = (log.input_tokens <= SMALL_INPUT) & (log.output <= SMALL_OUTPUT)
    candidates = log.single & log.ok & ~log.batched & log.priced_as(siblings)
    if not log.single.any():
        return Missing(
            ("per-request rows",), "Import one row per request; sums over hours or days do not show small requests."
        )
    rows = np.flatnonzero(candidates & small)

    # What a moved request saves of each part: the price difference, less what is asked of the larger model all the same.
    kept = {part: (1 - factor - ESCALATED)[log.price[rows]] for part, factor in change.items()}

    def gain_of(bill: Bill) -> Floats:
        return np.asarray(sum(getattr(bill, part)[rows] * share for part, share in kept.items()))

    gain_now = gain_of(Bill.of(log))
    all_moved = float(gain_now[gain_now > 0].sum())

    def take(bill: Bill, scenario: Scenario) -> Saving:
        share = log.options.evaluated_share
        if scenario is Scenario.HIGH:
            share = max(share, SCENARIO_SHARES[-1])
        if not share or not len(rows):
            return NOTHING
        worthwhile = np.flatnonzero(gain_of(bill) > 0)
        left = {part: 1 - share * saved[worthwhile] for part, saved in kept.items()}
        return Saving(rows[worthwhile], bill.scale(rows[worthwhile], **left))

    return Plan(
        take,
        coverage=float(log.cost[candidates].sum()),
        confidence="medium" if log.options.evaluated_share else "low",
        assumptions=(
            f"Small means at most {SMALL_INPUT:,} input tokens and {SMALL_OUTPUT} output tokens.",
            f"Low and base move the share that was evaluated ({log.options.evaluated_share:.0%}), high moves "
            f"at least {SCENARIO_SHARES[-1]:.0%}: a scenario, not a promise.",
            f"{ESCALATED:.0%} of the moved requests also go to the larger model.",
        ),
        details={
            "smaller_models": _smaller_models(log, siblings, rows),
            "scenarios": [
                {"share_percent": round(100 * share), "usd": usd(round(share * all_moved))} for share in SCENARIO_SHARES
            ],
        },
    )


def _smaller_models(log: Log, siblings: dict[int, tuple[str, Rates]], rows: Indices) -> list[dict[str, Any]]:
    requests = np.bincount(log.price[rows], minlength=len(log.prices) + 1)
    found: dict[tuple[str, str], int] = {}
    for index, (name, _) in siblings.items():
        key = (log.prices[index].model, name)
        found[key] = found.get(key, 0) + int(requests[index])
    return [
        {"model": model, "smaller": smaller, "small_requests": count}
        for (model, smaller), count in sorted(found.items())
        if count
    ][:20]


LEVER: Final = Lever(
    "right_size",
    "Small requests on a smaller model",
    "Σ share·(cost now − cost of the smaller model − 10 % escalated at the cost now)",
    "needs an evaluation on your own requests before you move anything",
    assess,
)
