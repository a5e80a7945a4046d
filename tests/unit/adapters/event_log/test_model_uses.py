"""Attempts at model requests as rows: nothing is lost of money on the way."""

from __future__ import annotations

from decimal import Decimal

import pytest

from netra_backend.app.adapters.event_log.model_uses import COLUMNS, amount, mark_of, row_of, use_of
from netra_backend.app.core.budgets import Amount, ModelUse


@pytest.mark.parametrize("usd", [None, Decimal(0), Decimal("0.000000000001"), Decimal("123456.789012345678")])
def test_a_row_says_again_what_was_written(usd: Decimal | None) -> None:
    use = ModelUse("user_ada", "run_1:1", 2, 3, "2026-11-30", "m", usd, 4, 5, 6, 7, 8, is_settled=True)
    row = row_of(use)
    assert len(row) == len(COLUMNS.split(","))
    assert use_of((*row[:12], int(row[12]))) == use


def test_a_sum_is_exact() -> None:
    assert amount((1_000_000_000_001, 7)) == Amount(Decimal("1.000000000001"), 7)


def test_a_mark_is_empty_if_there_is_nothing_to_tell_apart() -> None:
    assert mark_of((0, None, None)) == ""
    assert mark_of((1, 7, "run_1:1")) != mark_of((1, 8, "run_1:1"))
