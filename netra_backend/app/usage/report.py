"""The cost report: what the tools answered, put together as JSON for programs and as Markdown for people.

The JSON is ``{"report_version": 1, "profile", "summary", "savings", "anomalies", "forecast", "notes"}``: under each name the
answer of ``data_profile``, ``cost_summary``, ``combine_savings``, ``detect_anomalies`` and ``forecast_spend`` as it was given,
``null`` where it was not asked or could not be given; ``notes`` says why in sentences. The Markdown holds no figure that is
not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .markdown import table, text
from .money import display

REPORT_VERSION: Final = 1
NO_NAME: Final = "(not named)"

_SPLITS: Final = (
    ("model", "By model"),
    ("team", "By team"),
    ("feature", "By feature"),
    ("provider", "By provider"),
    ("user", "By user"),
    ("status", "By status"),
    ("dataset", "By dataset"),
)
_DAYS_SHOWN: Final = 31


def build_report(
    *,
    profile: Mapping[str, Any] | None = None,
    summary: Mapping[str, Any] | None = None,
    savings: Mapping[str, Any] | None = None,
    anomalies: Mapping[str, Any] | None = None,
    forecast: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Put the tools' answers together."""
    return {
        "report_version": REPORT_VERSION,
        "profile": profile,
        "summary": summary,
        "savings": savings,
        "anomalies": anomalies,
        "forecast": forecast,
        "notes": list(notes),
    }


def report_markdown(report: Mapping[str, Any]) -> str:
    """The report for people."""
    lines = ["# Where the money goes, and where to cut", ""]
    if report["summary"]:
        lines += [*_warnings(report["summary"]), *bill_lines(report["summary"]), *split_lines(report["summary"])]
    if report["savings"]:
        lines += savings_lines(report["savings"])
    if report["anomalies"]:
        lines += anomaly_lines(report["anomalies"])
    if report["forecast"]:
        lines += forecast_lines(report["forecast"])
    if report["notes"]:
        lines += ["## Notes", "", *(f"- {note}" for note in report["notes"]), ""]
    if report["summary"]:
        lines += [price_source(report["summary"]["prices"]), ""]
    return "\n".join(lines)


def price_source(prices: Mapping[str, Any]) -> str:
    """Where prices come from."""
    return f"Prices: {prices['list']} {prices['version']}, each by the date of its request."


def _warnings(summary: Mapping[str, Any]) -> list[str]:
    lines = []
    for dataset in summary["datasets"]:
        if dataset["generated"]:
            lines += [
                f"> **Generated sample.** {text(dataset['name'])} was made up for demonstration; nobody paid this.",
                "",
            ]
        if dataset["priced_as"]:
            lines += [f"> {text(dataset['name'])} names no model; it is priced as {text(dataset['priced_as'])}.", ""]
    return lines


def bill_lines(summary: Mapping[str, Any]) -> list[str]:
    """The total, what it rests on and what a unit costs."""
    period, units = summary["period"], summary["unit_economics"]
    lines = [
        f"**{display(summary['total_usd'])}** at list prices for {summary['requests']:,} requests, "
        f"{period['from']} to {period['to']}.",
        "",
    ]
    unpriced, reported, assumed = summary["unpriced"], summary["reported"], summary["standard_price_assumed"]
    if unpriced["rows"]:
        names = ", ".join(text(model["model"]) for model in unpriced["models"][:5])
        lines.append(
            f"- **Unpriced**: {unpriced['rows']:,} rows ({unpriced['rows_percent']} %) and {unpriced['tokens_percent']} % of "
            f"the tokens have no list price and are not in the bill: {names}."
        )
    if reported:
        lines.append(
            f"- The source reported {display(reported['usd'])} for {reported['rows']:,} rows; at list prices they are "
            f"{display(reported['list_price_usd'])}: a gap of {display(reported['gap_usd'])} ({reported['gap_percent']} %)."
        )
    if assumed["rows"]:
        lines.append(
            f"- {assumed['rows']:,} rows ({display(assumed['usd'])}) ran in a tier or batch for which the list has no price at "
            "their time; the standard price stands for it."
        )
    if summary["bucket_rows"]:
        lines.append(
            f"- {summary['bucket_rows']:,} rows are sums over a time; their size tier is that of the mean request."
        )
    each = [("request", "per_request_usd"), ("success", "per_success_usd"), ("session", "per_session_usd")]
    costs = ", ".join(f"{display(units[name])} a {unit}" for unit, name in each if units[name] is not None)
    lines += [
        f"- {costs}; {units['cache_hit_percent']} % of the input was read from a cache, {units['failure_percent']} % of the "
        "requests failed.",
        "",
    ]
    return lines


def split_lines(summary: Mapping[str, Any]) -> list[str]:
    """A table for each split that tells anything, the days last."""
    lines: list[str] = []
    for name, title in _SPLITS:
        parts = summary["breakdowns"].get(name, [])
        if not parts or (len(parts) == 1 and (parts[0]["key"] is None or name in ("dataset", "status"))):
            continue
        names = {dataset["dataset_id"]: dataset["name"] for dataset in summary["datasets"]} if name == "dataset" else {}
        rows = [
            [
                text(names.get(part["key"], part["key"]) or NO_NAME),
                _cost(part),
                f"{part['percent']} %",
                _count(part),
            ]
            for part in parts
        ]
        lines += [f"## {title}", "", *table([name.capitalize(), "Cost", "Share", "Requests"], rows), ""]
    days = summary["breakdowns"].get("day", [])
    if len(days) > 1:
        shown = [[day["key"], display(day["usd"]), _count(day)] for day in days[-_DAYS_SHOWN:]]
        lines += ["## By day", "", *table(["Day", "Cost", "Requests"], shown), ""]
    return lines


def _cost(part: Mapping[str, Any]) -> str:
    """What a part costs. Where no row of it has a price that is not nothing, but unknown."""
    return "unpriced" if part.get("unpriced_rows") and part["unpriced_rows"] == part["rows"] else display(part["usd"])


def _count(part: Mapping[str, Any]) -> str:
    return f"{part['requests']:,}" if "requests" in part else ""


def savings_lines(savings: Mapping[str, Any]) -> list[str]:
    """The levers in the order in which they are applied, and the totals where they were combined."""
    found = [lever for lever in savings["levers"] if lever["status"] == "ok"]
    none = [lever for lever in savings["levers"] if lever["status"] == "none_found"]
    untold = [lever for lever in savings["levers"] if lever["status"] == "not_assessable"]
    lines = ["## Where to cut", ""]
    if found:
        header = ["Lever", "Low", "Base", "High", "Of bill", "Confidence"]
        rows = [[lever["title"], *_amounts(lever), lever["confidence"]] for lever in found]
        if total := savings.get("total"):
            rows.append(["**Together**", *(f"**{amount}**" for amount in _amounts(total)), ""])
        lines += [*table(header, rows), "", _how_to_read(savings), ""]
        for lever in found:
            lines += _lever_lines(lever)
    if none:
        lines += [f"Nothing found: {', '.join(lever['title'].lower() for lever in none)}.", ""]
    if untold:
        rows = [[lever["title"], ", ".join(lever["missing"]), lever["remedy"]] for lever in untold]
        lines += [
            "### Cannot be told from this log",
            "",
            *table(["Lever", "Missing", "What to do"], rows, numbers=3),
            "",
        ]
    if savings.get("month"):
        month = savings["month"]
        lines += [
            f"At the pace of these {month['from_days']} days, thirty days cost {display(month['bill_usd'])}; of that "
            f"{display(month['low_usd'])} to {display(month['high_usd'])} could go, {display(month['base_usd'])} in base.",
            "",
        ]
    return lines


def _amounts(figures: Mapping[str, Any]) -> list[str]:
    amounts = [display(figures[f"{scenario}_usd"]) for scenario in ("low", "base", "high")]
    return [*amounts, f"{figures['percent_of_bill']['base']} %"]


def _how_to_read(savings: Mapping[str, Any]) -> str:
    if "total" in savings:
        return (
            "Each lever works on what the ones above it left: the base figures add up, and no dollar is saved twice. "
            "Low and high are the ends of each lever's own range."
        )
    return "Each lever by itself, on the whole bill: the figures overlap and must not be added up."


def _lever_lines(lever: Mapping[str, Any]) -> list[str]:
    lines = [f"### {lever['title']}", "", f"- How: {lever['formula']}.", f"- Risk: {lever['quality_risk']}."]
    lines.append(f"- Covers {lever['coverage_percent']} % of the bill.")
    if hits := lever["details"].get("prefix_hit_percent"):
        lines.append(f"- Prefix hits: {hits} % of the input tokens begin with blocks that were sent before.")
    lines += [f"- Assumed: {sentence}" for sentence in lever["assumptions"]]
    for row in lever["top"]:
        feature = f", {text(row['feature'])}" if row["feature"] is not None else ""
        lines.append(f"- From {text(row['model'])}{feature}: {display(row['usd'])} in {row['requests']:,} requests.")
    return [*lines, ""]


def anomaly_lines(anomalies: Mapping[str, Any]) -> list[str]:
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


def _culprit(jump: Mapping[str, Any]) -> str:
    top = jump["top"]
    return " and ".join(f"{name} {text(part or NO_NAME)}" for name, part in top.items()) if top else "no one place"


def forecast_lines(forecast: Mapping[str, Any]) -> list[str]:
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
