"""The rows with their prices: a temporary view ``priced`` beside ``usage``, in the connection of the one who asks.

Prices are looked up for the distinct (provider, model, tier, batch) of the log only, written as steps in time and prompt size
into the small table ``price``, and joined. Costs are integers (picodollars), so sums are exact and in any order the same.

Columns of ``priced`` beside those of ``usage``: ``n`` (requests that the row stands for), ``price_id`` (``NULL``: unpriced),
``read``, ``write`` (``write_1h`` of it for an hour), ``uncached`` (the input, taken apart), ``billed`` (a gateway's cache hits
and failures that were reported as free are not), ``c_input``, ``c_read``, ``c_write``, ``c_output``, ``c_request`` and their
sum ``cost``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from .pricing import Listing, Rates, context_for, find, schedule
from .rows import Rows

MAX_COMBINATIONS: Final = 2_000
"""More distinct (provider, model, tier, batch) than this are not looked up: the rarest stay unpriced. It bounds what a log of
invented model names can cost."""

_PRICE_TABLE: Final = """
CREATE OR REPLACE TEMP TABLE price (
    price_id INTEGER, provider VARCHAR, model VARCHAR, service_tier VARCHAR, is_batch BOOLEAN,
    since TIMESTAMP, until TIMESTAMP, second_from INTEGER, second_to INTEGER, above BIGINT, upto BIGINT,
    p_input BIGINT, p_read BIGINT, p_write BIGINT, p_write_1h BIGINT, p_output BIGINT, p_request BIGINT, context_matched BOOLEAN
)"""

_PRICED_VIEW: Final = """
CREATE OR REPLACE TEMP VIEW priced AS
WITH split AS (
    SELECT *,
        coalesce(requests, 1) AS n,
        least(coalesce(cache_read_tokens, 0), input_tokens) AS read,
        least(coalesce(cache_write_tokens, 0), input_tokens - read) AS write,
        least(coalesce(cache_write_1h_tokens, 0), write) AS write_1h,
        input_tokens - read - write AS uncached,
        CASE WHEN status = 'gateway_cache' OR (status = 'error' AND cost_reported_usd = 0) THEN 0 ELSE 1 END AS billed,
        input_tokens // greatest(coalesce(requests, 1), 1) AS prompt_size,
        epoch_us(ts) // 1000000 % 86400 AS second_of_day
    FROM usage
)
SELECT split.*, price_id, coalesce(context_matched, true) AS context_matched,
    uncached * p_input * billed AS c_input,
    read * p_read * billed AS c_read,
    ((write - write_1h) * p_write + write_1h * p_write_1h) * billed AS c_write,
    output_tokens * p_output * billed AS c_output,
    n * p_request * billed AS c_request,
    c_input + c_read + c_write + c_output + c_request AS cost
FROM split LEFT JOIN price ON
    split.model = price.model
    AND split.provider IS NOT DISTINCT FROM price.provider
    AND split.service_tier IS NOT DISTINCT FROM price.service_tier
    AND split.is_batch IS NOT DISTINCT FROM price.is_batch
    AND split.ts >= price.since AND split.ts < price.until
    AND second_of_day >= price.second_from AND second_of_day < price.second_to
    AND prompt_size > price.above AND prompt_size <= price.upto
"""
_OPEN_END: Final = datetime(9999, 12, 31)


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One step of one price: what ``price_id`` stands for."""

    listing: Listing
    provider: str | None
    model: str
    service_tier: str | None
    is_batch: bool | None
    rates: Rates
    since: datetime
    second_from: int


def price_rows(rows: Rows) -> list[PriceRow]:
    """Price the log: make ``price`` and ``priced`` in this connection and return the steps, indexed by ``price_id``."""
    combinations = rows.execute(
        "SELECT provider, model, service_tier, is_batch FROM usage GROUP BY ALL "
        "ORDER BY count(*) DESC, model, provider, service_tier, is_batch LIMIT ?",
        [MAX_COMBINATIONS],
    ).fetchall()
    steps: list[PriceRow] = []
    records: list[list[Any]] = []
    for provider, model, service_tier, is_batch in combinations:
        listing = find(model, provider)
        if listing is None:
            continue
        for span in schedule(listing, context_for(service_tier, is_batch)):
            since = span.since.replace(tzinfo=None)
            until = span.until.replace(tzinfo=None) if span.until else _OPEN_END
            for rates in span.quote.tiers:
                key = (len(steps), provider, model, service_tier, is_batch)
                when = (since, until, span.second_from, span.second_to, rates.above, rates.upto)
                price = (
                    rates.input,
                    rates.cache_read,
                    rates.cache_write,
                    rates.cache_write_1h,
                    rates.output,
                    rates.request,
                )
                records.append([*key, *when, *price, span.quote.context_matched])
                steps.append(
                    PriceRow(listing, provider, model, service_tier, is_batch, rates, span.since, span.second_from)
                )
    rows.execute(_PRICE_TABLE)
    if records:
        columns = [list(column) for column in zip(*records, strict=True)]
        rows.execute(f"INSERT INTO price SELECT {', '.join(['unnest(?)'] * len(columns))}", columns)
    rows.execute(_PRICED_VIEW)
    return steps
