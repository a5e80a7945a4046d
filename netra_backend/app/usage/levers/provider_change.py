"""Provider change: the same open weights at a cheaper provider."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Any, Final

import numpy as np

from .. import pricing
from ..priced import PriceRow
from ..pricing import Listing, Rates
from .lever import NOTHING, Bill, Lever, Missing, Plan, Saving, Scenario
from .log import Log
from .repricing import bill_of, factors, tokens_by_price, used_prices

OPEN_WEIGHTS: Final = re.compile(
    r"^(llama|codellama|qwen|qwq|deepseek|mixtral|mistral-(7b|nemo)|open-mi|gemma|gpt-oss|kimi-k|glm-|minimax-m|phi-|olmo)"
)
_SUFFIXES: Final = re.compile(r"(-(instruct|chat|fp8|turbo|versatile|instant|hf|it|tput|maas|latest))+$")


def weights_of(model_id: str) -> str | None:
    """One name for the same weights, however a provider spells them; ``None`` if the weights are not open."""
    name = model_id.lower().rpartition("/")[2].partition(":")[0]
    name = re.sub(r"(?<=\d)p(?=\d)", ".", name)
    name = re.sub(r"[-_ ]v(?=\d)", "-", name.removeprefix("meta-").replace("_", "-"))
    name = _SUFFIXES.sub("", name.replace("llama3", "llama-3"))
    return name if OPEN_WEIGHTS.match(name) else None


@cache
def _offers() -> dict[str, list[Listing]]:
    offers: dict[str, list[Listing]] = {}
    for listing in pricing.listings():
        weights = weights_of(listing.model.id)
        if weights is not None and not listing.model.id.endswith(":free"):
            offers.setdefault(weights, []).append(listing)
    return offers


def assess(log: Log) -> Plan | Missing:
    """Compare what was paid with every other provider's price for the same tokens."""
    rows = np.flatnonzero(log.priced & (log.cost > 0))
    tokens = tokens_by_price(log, rows)
    last_use = used_prices(log)
    cheapest: dict[int, tuple[Rates, Rates]] = {}
    middle: dict[int, tuple[Rates, Rates]] = {}
    comparisons: list[dict[str, Any]] = []
    open_prices = [index for index in tokens if weights_of(log.prices[index].listing.model.id) is not None]
    for index in open_prices:
        price = log.prices[index]
        now = bill_of(tokens[index], price.rates)
        offers = sorted(_cheaper(price, tokens[index], now, last_use[index][1]), key=lambda offer: offer[0])
        if not offers:
            continue
        cheapest[index] = (offers[0][2], price.rates)
        middle[index] = (offers[len(offers) // 2][2], price.rates)
        comparisons.append(
            {"model": price.model, "now": price.listing.provider.id, "offers": [name for _, name, _ in offers[:5]]}
        )
    changes = {Scenario.BASE: factors(log, middle), Scenario.HIGH: factors(log, cheapest)}
    movable = rows[log.priced_as(cheapest)[rows]]

    def take(bill: Bill, scenario: Scenario) -> Saving:
        if scenario is Scenario.LOW or not len(movable):
            return NOTHING
        price = log.price[movable]
        return Saving(
            movable, bill.scale(movable, **{part: by_price[price] for part, by_price in changes[scenario].items()})
        )

    return Plan(
        take,
        coverage=float(log.cost[rows[log.priced_as(open_prices)[rows]]].sum()),
        confidence="low",
        assumptions=(
            "Base takes the middle of the cheaper offers, high the cheapest; list prices, the same token counts.",
            "Quantisation, speed, limits and data location were not compared.",
        ),
        details={"offers": comparisons[:20]},
    )


def _cheaper(
    price: PriceRow, tokens: tuple[int, int, int, int], now: int, at: datetime
) -> list[tuple[int, str, Rates]]:
    found = []
    for listing in _offers()[weights_of(price.listing.model.id) or ""]:
        quote = pricing.quote(listing, at)
        if quote is None or listing.provider.id == price.listing.provider.id:
            continue
        rates = quote.rates(price.rates.above + 1)
        cost = bill_of(tokens, rates)
        if 0 < cost < now:
            found.append((cost, listing.name, rates))
    return found


LEVER: Final = Lever(
    "provider_change",
    "The same open weights elsewhere",
    "Σ cost now − cost of the same tokens at the other provider",
    "quantisation may differ, and so may data residency",
    assess,
)
