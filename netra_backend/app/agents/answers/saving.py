"""What could be spent instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...usage.markdown import text
from ...usage.money import display
from ...usage.report import make_report
from ...usage.report_markdown import report_markdown, savings_lines
from ...usage.report_text import price_source
from .asked import Answer, Asked, Unanswered, fault

THOUGHTS: Final[Mapping[str, str]] = {
    "cost_summary": "First the bill at list prices: how much, and by model, team, feature and day.",
    "combine_savings": "Then the ways to spend less, one after the other, each applied to what the ones before it left.",
    "detect_anomalies": "Finally, what jumped and where the month will end, if the log is long enough.",
}
"""What the user is told before a tool is used for the report."""


async def report(asked: Asked) -> Answer:
    """Where the money goes and where to cut: the whole report."""

    async def ask(question: str, arguments: Mapping[str, Any]) -> Any:
        if question == "data_profile":
            return asked.profile
        if question in THOUGHTS:
            await asked.scope.think(THOUGHTS[question])
        outcome = await asked.scope.use_tool(question, **arguments)
        if not outcome.ok:
            raise Unanswered(outcome)
        return outcome.result

    try:
        whole = await make_report(ask, asked.narrowed())
    except Unanswered as unanswered:
        return fault(unanswered.outcome)
    return Answer(asked.heading() + report_markdown(whole), {"report": whole, "phrased_by_model": False})


async def lever(asked: Asked) -> Answer:
    """One way to spend less."""
    name = asked.part.slots.lever
    outcome = await asked.scope.use_tool("estimate_savings", **asked.narrowed(), **({"levers": [name]} if name else {}))
    if not outcome.ok:
        return fault(outcome)
    lines = [f"Of a bill of {display(outcome.result['bill_usd'])} at list prices:", "", *savings_lines(outcome.result)]
    return Answer(asked.heading() + "\n".join(lines), {"savings": outcome.result})


async def supposition(asked: Asked) -> Answer:
    """Another model or another volume."""
    arguments = asked.narrowed()
    target = asked.part.slots.model
    others = [model for model in asked.part.models if model != target]
    if target is not None:
        arguments.pop("model", None)
        arguments["to_model"] = target
        present = {model["model"] for model in asked.profile.get("models", ())}
        if len(others) == 1 and others[0] in present:
            arguments["model"] = others[0]
    if asked.part.volume_factor is not None:
        arguments["volume_factor"] = asked.part.volume_factor
    outcome = await asked.scope.use_tool("what_if", **arguments)
    if not outcome.ok:
        return fault(outcome)
    found = outcome.result
    supposed = [f"all on {text(found['to_model'])}"] if found["to_model"] else []
    if found["volume_factor"] != 1:
        supposed.append(f"{found['volume_factor']:g} times the volume")
    lines = [
        f"**{display(found['now_usd'])}** now, **{display(found['then_usd'])}** with {' and '.join(supposed) or 'no change'}: "
        f"{display(found['change_usd'])} ({found['change_percent']} %).",
        "",
        *(
            f"- {text(row['model'])}: {display(row['now_usd'])} → {display(row['then_usd'])}"
            for row in found["by_model"]
        ),
        "",
        *(f"- Assumed: {sentence}" for sentence in found["assumptions"]),
        "",
        price_source(found["prices"]),
    ]
    return Answer("\n".join(lines), {"what_if": found})
