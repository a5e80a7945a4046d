"""The same tokens at other prices: what batch, smaller models, other providers and other hours share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import numpy as np

from ..pricing import Rates
from .log import Floats, Log

PARTS: Final = {"input": "input", "read": "cache_read", "write": "cache_write", "output": "output"}
"""Part of a bill → its rate."""


def used_prices(log: Log) -> dict[int, tuple[datetime, datetime]]:
    """The ``price_id`` that occur in the log, each with the times of its first and last row."""
    first = np.full(len(log.prices) + 1, -1)
    last = first.copy()
    # Of several rows with one price the last assignment stays.
    last[log.price] = np.arange(len(log))
    first[log.price[::-1]] = np.arange(len(log))[::-1]
    return {
        index: (_moment(log.ts[first[index]]), _moment(log.ts[last[index]]))
        for index in range(len(log.prices))
        if first[index] >= 0
    }


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(int(at_ms) / 1000, UTC)


def factors(log: Log, changes: Mapping[int, tuple[Rates, Rates]]) -> dict[str, Floats]:
    """By part and ``price_id``, new rate over old rate; ``changes`` holds (new, old), all others stay 1."""
    change = {part: np.ones(len(log.prices) + 1) for part in PARTS}
    for index, (new, old) in changes.items():
        for part, rate in PARTS.items():
            before = getattr(old, rate)
            if before:
                change[part][index] = getattr(new, rate) / before
    return change


def tokens_by_price(log: Log, rows: np.ndarray) -> dict[int, tuple[int, int, int, int]]:
    """Tokens (uncached, read, written, output) of these rows by ``price_id``."""
    size = len(log.prices) + 1
    price = log.price[rows]
    sums = [
        np.bincount(price, weights=tokens[rows], minlength=size)
        for tokens in (log.uncached, log.read, log.write, log.output)
    ]
    return {int(i): (int(sums[0][i]), int(sums[1][i]), int(sums[2][i]), int(sums[3][i])) for i in np.unique(price)}


def bill_of(tokens: tuple[int, int, int, int], rates: Rates) -> int:
    """Picodollars of these tokens (uncached, read, written, output) at these rates."""
    uncached, read, written, output = tokens
    return rates.cost(uncached + read + written, read, written, output) - rates.request
