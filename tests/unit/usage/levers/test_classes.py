"""What is usual for a kind of request."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.usage.levers.classes import CAPS, SMALLEST_CLASS, _quantiles_by_group, excess_plan
from netra_backend.app.usage.levers.lever import Bill, Missing, Plan, Scenario
from netra_backend.app.usage.levers.log import Options, load_log
from test_framework.usage_rows import usage_rows


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), min_size=1, max_size=60))
def test_a_quantile_is_the_smallest_value_that_its_share_of_the_group_does_not_exceed(
    pairs: list[tuple[int, int]],
) -> None:
    group, values = (np.array(column) for column in zip(*pairs, strict=True))
    found = _quantiles_by_group(values, group)
    for scenario, share in CAPS.items():
        for number in set(group.tolist()):
            members = sorted(values[group == number].tolist())
            expected = next(
                value for value in members if sum(m <= value for m in members) >= share * len(members) - 1e-9
            )
            assert found[scenario][number] == expected


def plan_of(count: int) -> tuple[Plan | Missing, Bill]:
    log = load_log(usage_rows([{"at": at, "output_tokens": at + 1} for at in range(count)]), {}, Options())
    return excess_plan(log, log.output, "output", log.output, "assumed"), Bill.of(log)


def test_a_class_is_large_enough_from_twenty_on() -> None:
    assert isinstance(plan_of(SMALLEST_CLASS - 1)[0], Missing)
    assert isinstance(plan_of(SMALLEST_CLASS)[0], Plan)


def test_what_another_lever_cancelled_has_no_excess_left() -> None:
    plan, bill = plan_of(SMALLEST_CLASS)
    assert isinstance(plan, Plan)
    bill.cancel(np.arange(SMALLEST_CLASS))
    assert plan.take(bill, Scenario.HIGH).total == 0
