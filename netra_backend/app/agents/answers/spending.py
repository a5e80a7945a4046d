"""What was spent: in all, split, over time, and where it will end."""

from __future__ import annotations

import re
from typing import Any, Final

from ...usage.report_markdown import anomaly_lines, bill_lines, forecast_lines, split_lines
from ...usage.report_parts import Anomalies
from ...usage.report_text import price_source
from .asked import Answer, Asked, fault

_BUDGET: Final = re.compile(
    r"(?:[$€£]\s?|\b(?:under|below|over|within|exceed|budget(?: of| is)?|of|cap(?: of)?)\s+[$€£]?\s?)"
    r"(\d[\d,]*(?:\.\d+)?)\s?(k|m|mn|million)?\b",
    re.IGNORECASE,
)
_TIMES: Final = {"k": 1_000, "m": 1_000_000, "mn": 1_000_000, "million": 1_000_000}


async def overview(asked: Asked) -> Answer:
    """The bill."""
    return await _summary(asked, [])


async def breakdown(asked: Asked) -> Answer:
    """The bill by what was named."""
    return await _summary(asked, list(asked.part.dimensions) or ["model", "team", "feature"])


async def _summary(asked: Asked, group_by: list[str]) -> Answer:
    arguments: dict[str, Any] = {**asked.narrowed(), **({"group_by": group_by} if group_by else {})}
    outcome = await asked.scope.use_tool("cost_summary", **arguments)
    if not outcome.ok:
        return fault(outcome)
    summary = outcome.result
    lines = [*bill_lines(summary), *split_lines(summary), price_source(summary["prices"])]
    return Answer(asked.heading() + "\n".join(lines), {"summary": summary})


async def anomaly(asked: Asked) -> Answer:
    """Jumps and drops."""
    arguments = asked.narrowed()
    # What is usual is told by the days around, so the whole history is looked at and the period only chooses what is shown.
    period = arguments.pop("period", None)
    outcome = await asked.scope.use_tool("detect_anomalies", **arguments)
    if not outcome.ok:
        return fault(outcome)
    found: Anomalies = outcome.result
    if period is not None:
        first, after = period.get("from", "")[:10], period["to"][:10]
        within = [jump for jump in found["anomalies"] if first <= jump["at"][:10] <= after]
        found = {**found, "anomalies": within}
    return Answer(asked.heading() + "\n".join(anomaly_lines(found)), {"anomalies": found})


async def forecast(asked: Asked) -> Answer:
    """The end of the month, and the budget that was named."""
    arguments = asked.narrowed()
    arguments.pop("period", None)
    budget = budget_in(asked.part.text)
    outcome = await asked.scope.use_tool("forecast_spend", **arguments, **({"budget_usd": budget} if budget else {}))
    if not outcome.ok:
        return fault(outcome)
    return Answer("\n".join(forecast_lines(outcome.result)), {"forecast": outcome.result})


def budget_in(message: str) -> float | None:
    """The amount that a message names as its budget."""
    found = _BUDGET.search(message)
    if found is None:
        return None
    amount = float(found[1].replace(",", "")) * _TIMES.get((found[2] or "").lower(), 1)
    return amount if 0 < amount <= 1e12 else None
