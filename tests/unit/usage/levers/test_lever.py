"""A bill that shrinks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from netra_backend.app.usage.levers.lever import NOTHING, Bill, Saving
from netra_backend.app.usage.levers.log import Options, load_log
from test_framework.usage_rows import usage_rows


@pytest.fixture
def bill() -> Bill:
    """Two rows of 0.0035 USD and one that is unpriced."""
    rows: list[dict[str, Any]] = [{"at": 0}, {"at": 1}, {"at": 2, "model": "no-such-model"}]
    return Bill.of(load_log(usage_rows(rows), {}, Options()))


ROW = 3_500_000_000.0


def test_a_bill_begins_as_the_log(bill: Bill) -> None:
    assert bill.total() == 2 * ROW
    assert bill.alive().tolist() == [True, True, False]


def test_scaling_a_part_saves_that_part_of_those_rows(bill: Bill) -> None:
    saved = bill.scale(np.array([1]), input=0.5)
    assert saved.tolist() == [1_250_000_000]
    assert bill.rows(np.array([0, 1])).tolist() == [ROW, ROW - 1_250_000_000]


def test_what_is_cancelled_is_saved_once(bill: Bill) -> None:
    assert bill.cancel(np.array([0])).tolist() == [ROW]
    assert bill.cancel(np.array([0])).tolist() == [0]
    assert bill.total() == ROW


def test_one_bill_never_changes_another() -> None:
    log = load_log(usage_rows([{}]), {}, Options())
    one, other = Bill.of(log), Bill.of(log)
    one.cancel(np.array([0]))
    assert other.total() == ROW
    assert log.cost.tolist() == [ROW]


def test_a_saving_knows_its_total() -> None:
    assert Saving(np.array([3, 7]), np.array([1.5, 2.0])).total == 3.5
    assert NOTHING.total == 0
