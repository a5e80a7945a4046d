"""Attempts at model requests as rows, alike in both databases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ...core.budgets import MOST_USD_OF_A_DAY, Amount, ModelUse
from ...usage.money import dollars, pico

COLUMNS: Final = (
    "owner, call_id, attempt, at, day, model, usd, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,"
    " reasoning_tokens, settled"
)
MOST_OF_A_DAY: Final = pico(MOST_USD_OF_A_DAY)


def row_of(use: ModelUse) -> tuple[Any, ...]:
    """The values of ``COLUMNS``, of one that is storable."""
    return (
        use.owner,
        use.call_id,
        use.attempt,
        use.at_ms,
        use.day,
        use.model,
        None if use.usd is None else pico(use.usd),
        use.input_tokens,
        use.output_tokens,
        use.cache_read_tokens,
        use.cache_write_tokens,
        use.reasoning_tokens,
        use.is_settled,
    )


def use_of(row: Sequence[Any]) -> ModelUse:
    """What a row of ``COLUMNS`` says."""
    values = list(row)
    values[6] = None if row[6] is None else dollars(row[6])
    values[12] = bool(row[12])
    return ModelUse(*values)


def mark_of(row: Sequence[Any]) -> str:
    """Of a count, a sum of tokens and the last call: what changes whenever an attempt is settled or goes."""
    return ":".join(str(each) for each in row) if row[0] else ""


def amount(row: Sequence[Any]) -> Amount:
    """A sum: picodollars and tokens."""
    return Amount(dollars(int(row[0])), int(row[1]))
