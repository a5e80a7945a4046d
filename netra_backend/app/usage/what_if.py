"""``what_if``: the same requests on another model, at another volume, with another share read from the cache."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from . import pricing
from .model_names import resolve
from .money import percent, usd
from .priced import price_rows
from .pricing import Listing, Rates
from .rows import Rows
from .scope import no_data, where

ASSUMPTIONS: Final = (
    "The requests and their token counts stay the same; another model's tokenizer and habits would differ.",
    "Unpriced rows are left out on both sides.",
)
TARGET_ASSUMPTION: Final = (
    "The other model is priced as of the last request, at the standard price; cache reads and writes stay the same."
)
CACHE_ASSUMPTION: Final = (
    "The given share of every prompt is read from the cache, and writing it to the cache costs nothing extra."
)


def what_if(rows: Rows, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The bill of the rows in scope now and then. ``to_model``, ``to_provider``, ``volume_factor``, ``cache_read_share``.

    Raises ``ToolError``: ``NO_DATA``, ``AMBIGUOUS_MODEL`` (with ``candidates``), ``UNPRICED_MODEL``.
    """
    condition, parameters = where(arguments)
    prices = price_rows(rows)
    totals = rows.execute(
        f"SELECT count(*), count(price_id), max(ts) FROM priced WHERE {condition}",  # noqa: S608
        parameters,
    ).fetchone()
    if totals is None or not totals[0]:
        raise no_data(arguments)
    target = resolve(arguments["to_model"], arguments.get("to_provider")) if arguments.get("to_model") else None
    tiers = _tiers(target, totals[2])
    share = arguments.get("cache_read_share")
    factor = float(arguments.get("volume_factor", 1.0))
    size = " + ".join(["0", *("(prompt_size > ?)::INTEGER" for _ in tiers[1:])])
    groups = rows.execute(
        f"SELECT price_id, {size} AS tier, sum(billed * n), sum(billed * uncached), sum(billed * read), "  # noqa: S608
        "sum(billed * write), sum(billed * write_1h), sum(billed * output_tokens), sum(cost) "
        f"FROM priced WHERE price_id IS NOT NULL AND {condition} GROUP BY 1, 2",
        [*(tier.above for tier in tiers[1:]), *parameters],
    ).fetchall()
    now: dict[str, int] = {}
    then: dict[str, int] = {}
    for price_id, tier, *sums in groups:
        requests, uncached, read, written, for_an_hour, output, cost = map(int, sums)
        price = prices[price_id]
        rates = tiers[tier] if tiers else price.rates
        if share is not None:
            read, uncached = _shared(uncached + read + written, written, share)
        total = uncached + read + written
        parts = rates.cost(total, read, written, output, cache_write_1h=for_an_hour) - rates.request
        now[price.model] = now.get(price.model, 0) + cost
        then[price.model] = then.get(price.model, 0) + round((parts + requests * rates.request) * factor)
    before, after = sum(now.values()), sum(then.values())
    return {
        "now_usd": usd(before),
        "then_usd": usd(after),
        "change_usd": usd(after - before),
        "change_percent": percent(after - before, before),
        "to_model": None if target is None else target.model.id,
        "to_provider": None if target is None else target.provider.id,
        "volume_factor": factor,
        "cache_read_share": share,
        "unpriced_rows": totals[0] - totals[1],
        "by_model": [
            {"model": model, "now_usd": usd(now[model]), "then_usd": usd(then[model])}
            for model in sorted(now, key=lambda name: (-now[name], name))[:20]
        ],
        "assumptions": [
            *ASSUMPTIONS,
            *([TARGET_ASSUMPTION] if target else []),
            *([CACHE_ASSUMPTION] if share is not None else []),
        ],
        "prices": pricing.source(),
    }


def _tiers(target: Listing | None, at: datetime) -> tuple[Rates, ...]:
    """The target's prices at that time; none if there is no target."""
    if target is None:
        return ()
    quote = pricing.quote(target, at.replace(tzinfo=UTC))
    return quote.tiers if quote else ()


def _shared(total: int, written: int, share: float) -> tuple[int, int]:
    """Tokens read from the cache, and tokens paid in full, where ``share`` of all is read."""
    read = min(round(total * share), total - written)
    return read, total - written - read
