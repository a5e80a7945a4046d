"""The cost report as Markdown, whole or part by part. It holds no figure that is not in the report."""

from __future__ import annotations

from typing import Final

from .markdown import sentence, table, text
from .money import display
from .report import Report
from .report_parts import Anomalies, Anomaly, Forecast, Lever, Savings, Summary
from .report_text import (
    NO_NAME,
    TITLE,
    Remark,
    amounts,
    at_this_pace,
    by_status,
    caveats,
    cost,
    count,
    nothing_found,
    price_source,
    splits,
    unit_costs,
    warnings,
)

_DAYS_SHOWN: Final = 31


def report_markdown(report: Report) -> str:
    """The report for people."""
    summary, anomalies, forecast = report["summary"], report["anomalies"], report["forecast"]
    lines = [f"# {TITLE}", ""]
    for warning in warnings(summary, text):
        lines += [f"> {_remark(warning)}", ""]
    lines += [*bill_lines(summary), *split_lines(summary), *savings_lines(report["savings"])]
    if anomalies:
        lines += anomaly_lines(anomalies)
    if forecast:
        lines += forecast_lines(forecast)
    if report["notes"]:
        lines += ["## Notes", "", *(f"- {sentence(note)}" for note in report["notes"]), ""]
    return "\n".join([*lines, price_source(summary["prices"]), ""])


def _remark(remark: Remark) -> str:
    return f"**{remark.lead}**{remark.rest}" if remark.lead else remark.rest


def bill_lines(summary: Summary) -> list[str]:
    """The total, what it rests on and what a unit costs."""
    period = summary["period"]
    return [
        f"**{display(summary['total_usd'])}** at list prices for {summary['requests']:,} requests, "
        f"{period['from']} to {period['to']}.",
        "",
        *(f"- {_remark(caveat)}" for caveat in caveats(summary, text)),
        f"- {unit_costs(summary)}",
        "",
    ]


def split_lines(summary: Summary) -> list[str]:
    """A table for each split that tells anything, the days last."""
    lines: list[str] = []
    for dimension, title, parts in splits(summary, text):
        rows = [[name, cost(part), f"{part['percent']} %", count(part)] for name, part in parts]
        lines += [f"## {title}", "", *table([dimension.capitalize(), "Cost", "Share", "Requests"], rows), ""]
    days = summary["breakdowns"].get("day", [])
    if len(days) > 1:
        shown = [[text(day["key"]), display(day["usd"]), count(day)] for day in days[-_DAYS_SHOWN:]]
        lines += ["## By day", "", *table(["Day", "Cost", "Requests"], shown), ""]
    return lines


def savings_lines(savings: Savings) -> list[str]:
    """The levers in the order in which they are applied, and the totals where they were combined."""
    found, none, unknown = by_status(savings)
    lines = ["## Where to cut", ""]
    if found:
        header = ["Lever", "Low", "Base", "High", "Of bill", "Confidence"]
        rows = [[lever["title"], *amounts(lever), lever["confidence"]] for lever in found]
        if total := savings.get("total"):
            rows.append(["**Together**", *(f"**{amount}**" for amount in amounts(total)), ""])
        lines += [*table(header, rows), "", _how_to_read(savings), ""]
        for lever in found:
            lines += _lever_lines(lever)
    if none:
        lines += [nothing_found(none), ""]
    if unknown:
        rows = [[lever["title"], ", ".join(lever["missing"]), lever["remedy"]] for lever in unknown]
        lines += [
            "### Cannot be assessed with this log",
            "",
            *table(["Lever", "Missing", "What to do"], rows, numbers=3),
            "",
        ]
    if month := savings.get("month"):
        lines += [at_this_pace(month), ""]
    return lines


def _how_to_read(savings: Savings) -> str:
    if "total" in savings:
        return (
            "Each lever works on what the ones above it left: the base figures add up, and no dollar is saved twice. "
            "Low and high are the ends of each lever's own range."
        )
    return "Each lever by itself, on the whole bill: the figures overlap and must not be added up."


def _lever_lines(lever: Lever) -> list[str]:
    lines = [f"### {lever['title']}", "", f"- How: {lever['formula']}.", f"- Risk: {lever['quality_risk']}."]
    lines.append(f"- Covers {lever['coverage_percent']} % of the bill.")
    if hits := lever["details"].get("prefix_hit_percent"):
        lines.append(f"- Prefix hits: {hits} % of the input tokens begin with blocks that were sent before.")
    lines += [f"- Assumed: {sentence}" for sentence in lever["assumptions"]]
    for row in lever["top"]:
        feature = f", {text(row['feature'])}" if row["feature"] is not None else ""
        lines.append(f"- From {text(row['model'])}{feature}: {display(row['usd'])} in {row['requests']:,} requests.")
    return [*lines, ""]


def anomaly_lines(anomalies: Anomalies) -> list[str]:
    """The jumps, and what made each."""
    lines = ["## Jumps and drops", ""]
    if not anomalies["anomalies"]:
        return [*lines, f"None in {anomalies['points']} {anomalies['unit']}s.", ""]
    for jump in anomalies["anomalies"]:
        parts = ", ".join(f"{part['part']} {display(part['usd'])}" for part in jump["explained_by"])
        lines.append(
            f"- **{jump['at']}**: {display(jump['usd'])} instead of {display(jump['expected_usd'])} "
            f"({jump['percent']} %): {parts}; most in {_culprit(jump)}."
        )
    return [*lines, ""]


def _culprit(jump: Anomaly) -> str:
    top = jump["top"]
    return " and ".join(f"{name} {text(part or NO_NAME)}" for name, part in top.items()) if top else "no one place"


def forecast_lines(forecast: Forecast) -> list[str]:
    """The end of the month, and the budget."""
    lines = [
        "## End of the month",
        "",
        f"{forecast['month']}: **{display(forecast['base_usd'])}**, between {display(forecast['low_usd'])} and "
        f"{display(forecast['high_usd'])}; {display(forecast['so_far_usd'])} so far.",
    ]
    if budget := forecast.get("budget"):
        lines.append(
            f"Budget {display(budget['usd'])}: {budget['verdict']}; base leaves {display(budget['left_in_base_usd'])}."
        )
    return [*lines, ""]
