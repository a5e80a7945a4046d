"""``estimate_savings`` and ``combine_savings``: what the bill could be instead, lever by lever and in all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np

from ..core.limits import USUAL, Limits
from .levers import (
    batch,
    context_growth,
    duplicates,
    off_peak,
    output_length,
    prompt_cache,
    prompt_trim,
    provider_change,
    retries,
    right_size,
)
from .levers.lever import Bill, Lever, Missing, Plan, Saving, Scenario
from .levers.log import Log, Options, load_log
from .money import percent, usd
from .rows import Rows
from .side_by_side import side_by_side

LEVERS: Final = (
    duplicates.LEVER,
    retries.LEVER,
    right_size.LEVER,
    prompt_cache.LEVER,
    batch.LEVER,
    output_length.LEVER,
    prompt_trim.LEVER,
    context_growth.LEVER,
    provider_change.LEVER,
    off_peak.LEVER,
)
"""In the order in which they are applied: first what need not be sent, then where it is sent, then how it is paid, then how
long it is, and last what asks for a change of supplier or of hours."""

MONTH_DAYS: Final = 30
MIN_DAYS: Final = 7
TOP_ROWS: Final = 5


def estimate_savings(rows: Rows, arguments: Mapping[str, Any], limits: Limits = USUAL) -> dict[str, Any]:
    """Each lever (of ``levers``, or all) by itself on the whole bill. The figures overlap and must not be added up:
    ``combine_savings`` does that. Raises ``ToolError`` ``NO_DATA``."""
    log = load_log(rows, arguments, _options(arguments), limits.savings_rows)
    plans = _assess(log, arguments.get("levers"))
    savings = {
        lever.name: {scenario: plan.take(Bill.of(log), scenario) for scenario in Scenario}
        for lever, plan in plans
        if isinstance(plan, Plan)
    }
    return {**_baseline(log), "levers": [_answer(log, lever, plan, savings.get(lever.name)) for lever, plan in plans]}


def combine_savings(rows: Rows, arguments: Mapping[str, Any], limits: Limits = USUAL) -> dict[str, Any]:
    """The levers (of ``levers``, or all) one after the other, each on what the ones before it left; and the totals. Base
    figures add up to the base total; low and high are each lever's own range. Raises ``ToolError`` ``NO_DATA``."""
    log = load_log(rows, arguments, _options(arguments), limits.savings_rows)
    plans = _assess(log, arguments.get("levers"))
    # The three bills know nothing of one another; the longest first.
    scenarios = (Scenario.HIGH, Scenario.BASE, Scenario.LOW)
    taken = dict(zip(scenarios, side_by_side(partial(_taken, log, plans, one) for one in scenarios), strict=True))
    savings = {
        lever.name: {scenario: taken[scenario][lever.name] for scenario in Scenario}
        for lever, plan in plans
        if isinstance(plan, Plan)
    }
    totals = {scenario: sum(saving[scenario].total for saving in savings.values()) for scenario in Scenario}
    before = float(log.cost.sum())
    return {
        **_baseline(log),
        "levers": [_answer(log, lever, plan, savings.get(lever.name)) for lever, plan in plans],
        "total": {
            **_by_scenario(totals, before),
            "remaining_usd": {str(scenario): usd(round(before - total)) for scenario, total in totals.items()},
        },
        "month": _month(log, before, totals),
    }


def _options(arguments: Mapping[str, Any]) -> Options:
    return Options(
        batch_features=tuple(arguments.get("batch_features") or ()),
        evaluated_share=float(arguments.get("evaluated_share") or 0.0),
    )


def _assess(log: Log, names: Iterable[str] | None) -> list[tuple[Lever, Plan | Missing]]:
    wanted = set(names) if names else {lever.name for lever in LEVERS}
    chosen = [lever for lever in LEVERS if lever.name in wanted]
    return list(zip(chosen, side_by_side(partial(lever.assess, log) for lever in chosen), strict=True))


def _taken(log: Log, plans: Sequence[tuple[Lever, Plan | Missing]], scenario: Scenario) -> dict[str, Saving]:
    """What each lever takes from one bill, one after the other."""
    bill = Bill.of(log)
    return {lever.name: plan.take(bill, scenario) for lever, plan in plans if isinstance(plan, Plan)}


def _baseline(log: Log) -> dict[str, Any]:
    return {
        "bill_usd": usd(round(float(log.cost.sum()))),
        "rows": len(log),
        "unpriced_rows": int((~log.priced).sum()),
        "newest_rows_only": log.cut,
    }


def _answer(log: Log, lever: Lever, plan: Plan | Missing, savings: Mapping[Scenario, Saving] | None) -> dict[str, Any]:
    """What is told of one lever; the same fields for each, so that a table can be made of them."""
    answer: dict[str, Any] = {
        "lever": lever.name,
        "title": lever.title,
        "formula": lever.formula,
        "quality_risk": lever.quality_risk,
    }
    if isinstance(plan, Missing) or savings is None:
        missing = plan if isinstance(plan, Missing) else Missing((), "")
        return {**answer, "status": "not_assessable", "missing": list(missing.missing), "remedy": missing.remedy}
    before = float(log.cost.sum())
    totals = {scenario: saving.total for scenario, saving in savings.items()}
    # Where the levers before it take little, more is left for this one: its range is from the least to the most it can bring.
    totals[Scenario.LOW], totals[Scenario.HIGH] = min(totals.values()), max(totals.values())
    return {
        **answer,
        "status": "ok" if any(round(total) for total in totals.values()) else "none_found",
        **_by_scenario(totals, before),
        "coverage_percent": percent(plan.coverage, before),
        "confidence": plan.confidence,
        "assumptions": list(plan.assumptions),
        "top": _top(log, savings[Scenario.BASE] if round(totals[Scenario.BASE]) else savings[Scenario.HIGH]),
        "details": plan.details,
    }


def _by_scenario(totals: Mapping[Scenario, float], before: float) -> dict[str, Any]:
    return {
        **{f"{scenario}_usd": usd(round(total)) for scenario, total in totals.items()},
        "percent_of_bill": {str(scenario): percent(total, before) for scenario, total in totals.items()},
    }


def _top(log: Log, saving: Saving) -> list[dict[str, Any]]:
    """The kinds of requests (model and feature) that the saving comes from, largest first."""
    if not len(saving.rows):
        return []
    kinds = log.kind_number[saving.rows]
    amounts = np.bincount(kinds, weights=saving.amounts)
    requests = np.bincount(kinds, weights=log.n[saving.rows])
    largest = [int(index) for index in np.argsort(-amounts, kind="stable")[:TOP_ROWS] if requests[index]]
    return [
        {
            "model": log.kind_names[index][0],
            "feature": log.kind_names[index][1],
            "usd": usd(round(float(amounts[index]))),
            "requests": int(requests[index]),
        }
        for index in largest
    ]


def _month(log: Log, before: float, totals: Mapping[Scenario, float]) -> dict[str, Any] | None:
    """Thirty days at this pace; ``None`` if fewer than seven real days had usage, or most days of the span had none."""
    if log.used_days < MIN_DAYS or 2 * log.used_days < log.days or not log.knows("real_times").all():
        return None
    factor = MONTH_DAYS / log.days
    return {
        "bill_usd": usd(round(before * factor)),
        **{f"{scenario}_usd": usd(round(total * factor)) for scenario, total in totals.items()},
        "from_days": round(log.days, 2),
    }
