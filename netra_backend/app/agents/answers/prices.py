"""List prices."""

from __future__ import annotations

from typing import Any

from ...usage.markdown import table, text
from ...usage.money import display
from ...usage.report_text import price_source
from .asked import Answer, Asked, fault, iso


async def prices(asked: Asked) -> Answer:
    """What the named models cost, at the end of the named period or now."""
    models = list(asked.part.models)[:10]
    if not models:
        return Answer("Which model's price would you like to know?", {"question": "Which model?"})
    at = min(asked.part.period.end_ms, asked.scope.now_ms) if asked.part.period else asked.scope.now_ms
    outcome = await asked.scope.use_tool("price_lookup", models=models, at=iso(at))
    if not outcome.ok:
        return fault(outcome)
    found = outcome.result
    lines = [f"List prices on {found['at'][:10]}, in USD per million tokens:", ""]
    rows = [row for model in found["models"] for row in _rows(model)]
    lines += table(["Model", "Price", "Input", "Cached", "Cache write", "… for 1 h", "Output"], rows, numbers=2)
    lines.append("")
    for model in found["models"]:
        for hours in model["by_time_of_day"]:
            lines.append(
                f"- {text(model['model'])}, {hours['from']} to {hours['to']}: {display(hours['input'])} in, "
                f"{display(hours['output'])} out."
            )
    return Answer("\n".join([*lines, "", price_source(found["prices"])]), {"prices": found})


def _rows(model: dict[str, Any]) -> list[list[str]]:
    rows = []
    for context, tiers in model["usd_per_million"].items():
        for tier in tiers:
            above = f", over {tier['above_input_tokens']:,} tokens" if tier["above_input_tokens"] else ""
            costs = [display(tier[part]) for part in ("input", "cache_read", "cache_write", "cache_write_1h", "output")]
            rows.append([f"{text(model['model'])} ({text(model['provider'])})", f"{context}{above}", *costs])
    return rows
