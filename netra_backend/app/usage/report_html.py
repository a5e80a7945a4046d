"""The cost report as one HTML file that needs nothing else: pictures, each with its table; for the screen, light or dark, and
for paper. It holds no script, and nothing of the data becomes markup."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from .money import display
from .report import Report
from .report_parts import Anomalies, Forecast, Savings, Summary
from .report_text import (
    NO_NAME,
    TITLE,
    Remark,
    Split,
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
from .svg import Bar, columns, rows, waterfall

MAX_NAME: Final = 120

_FIGURE: Final = 20
_FIGURE_STARTS: Final = frozenset("$-0123456789")
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2126; --paper: #fff; --line: #d5dae0; --bar: #3567b7; --jump: #c2410c;
  --saved: #2f855a; --soft: #f3f5f8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --paper: #14181d; --line: #39424d; --bar: #7aa5ea;
  --jump: #fb923c; --saved: #68d391; --soft: #1d232a; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; } .total { font-size: 2.2rem; font-weight: 650; }
svg { width: 100%; height: auto; font-size: 13px; } svg text { fill: var(--ink); }
.bar { fill: var(--bar); } .jump { fill: var(--jump); } .saved { fill: var(--saved); }
.expected { fill: none; stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 4 3; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .5rem; text-align: right; vertical-align: top; }
th:first-child, td:first-child, .words td, .words th { text-align: left; }
.note { background: var(--soft); border-left: 4px solid var(--jump); padding: .6rem 1rem; }
details { margin: .6rem 0; } td { overflow-wrap: anywhere; } td.figure { white-space: nowrap; }
.wide { overflow-x: auto; } .wide td:first-child { min-width: 9rem; }
@media (max-width: 40rem) { .wide table { min-width: 34rem; } body { margin: 1rem auto; } }
@media print { :root { color-scheme: light; --ink: #000; --paper: #fff; --line: #bbb; --bar: #3567b7; --jump: #c2410c;
  --saved: #2f855a; --soft: #fff; } body { max-width: none; margin: 0; font-size: 11pt; } .wide { overflow: visible; }
  h2, h3, summary { break-after: avoid; } svg, tr, details { break-inside: avoid; } thead { display: table-header-group; }
  svg rect { print-color-adjust: exact; -webkit-print-color-adjust: exact; } details > * { display: block; } }
"""


def report_html(report: Report) -> str:
    """The file's text."""
    summary, forecast = report["summary"], report["forecast"]
    body = [f"<h1>{TITLE}</h1>", _head(summary), _by_day(summary, report["anomalies"])]
    body += [_split(split) for split in splits(summary, _name)]
    body.append(_savings(report["savings"]))
    if forecast:
        body.append(_forecast(forecast))
    if report["notes"]:
        body.append(_section("Notes", f"<ul>{''.join(f'<li>{_text(note)}</li>' for note in report['notes'])}</ul>"))
    body.append(f"<p>{_text(price_source(summary['prices']))}</p>")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>LLM cost report</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _name(value: object) -> str:
    """A name of the data: bounded, without characters that hide or turn others. Not yet escaped."""
    plain = "".join(
        character if unicodedata.category(character)[0] != "C" else " " for character in str(value or NO_NAME)
    )
    return plain if len(plain) <= MAX_NAME else f"{plain[: MAX_NAME - 1]}…"


def _text(value: object) -> str:
    return escape(str(value), quote=True)


def _table(header: Sequence[str], lines: Iterable[Sequence[object]], kind: str = "") -> str:
    head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in header)
    body = "".join(f"<tr>{''.join(map(_cell, line))}</tr>" for line in lines)
    table = f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="wide">{table}</div>' if len(header) > 4 else table


def _cell(value: object) -> str:
    """A cell; a figure is not broken over lines."""
    shown = str(value)
    figure = len(shown) <= _FIGURE and shown[:1] in _FIGURE_STARTS
    return f'<td class="figure">{_text(shown)}</td>' if figure else f"<td>{_text(shown)}</td>"


def _head(summary: Summary) -> str:
    period = summary["period"]
    remarks = "".join(_remark(remark) for remark in (*warnings(summary, _name), *caveats(summary, _name)))
    return (
        f'<p class="total">{display(summary["total_usd"])}</p><p>{summary["requests"]:,} requests at list prices, '
        f"{_moment(period['from'])} to {_moment(period['to'])} (UTC).</p>{remarks}<p>{_text(unit_costs(summary))}</p>"
    )


def _remark(remark: Remark) -> str:
    lead = f"<strong>{_text(remark.lead)}</strong>" if remark.lead else ""
    return f'<p class="note">{lead}{_text(remark.rest)}</p>'


def _moment(iso: str) -> str:
    return _text(iso[:16].replace("T", " "))


def _by_day(summary: Summary, anomalies: Anomalies | None) -> str:
    days = summary["breakdowns"].get("day", [])
    if len(days) < 2:
        return ""
    daily = anomalies if anomalies and anomalies["unit"] == "day" else None
    expected = {point["at"]: point["expected_usd"] for point in daily["series"]} if daily else {}
    jumps = {jump["at"]: jump for jump in daily["anomalies"]} if daily else {}
    bars, lines = [], []
    for day in days:
        at = _name(day["key"])
        jump = jumps.get(at)
        told = f"{jump['direction']}, expected {display(jump['expected_usd'])}" if jump else ""
        bars.append(Bar(at, day["usd"], expected.get(at), jump is not None))
        lines.append([at, display(day["usd"]), count(day), told])
    return _section("By day", columns("Spend by day", bars), _table(["Day", "Cost", "Requests", "Anomaly"], lines))


def _split(split: Split) -> str:
    bars = [Bar(name, part["usd"]) for name, part in split.parts]
    lines = [[name, cost(part), f"{part['percent']} %", count(part)] for name, part in split.parts]
    header = [split.dimension.capitalize(), "Cost", "Share", "Requests"]
    return _section(split.title, rows(split.title, bars), _table(header, lines))


def _savings(savings: Savings) -> str:
    found, none, unknown = by_status(savings)
    total = savings["total"]
    picture = waterfall(
        "Savings, base case",
        Bar("Bill at list prices", savings["bill_usd"]),
        [Bar(lever["title"], lever["base_usd"]) for lever in found],
        Bar("Remains", total["remaining_usd"]["base"]),
    )
    lines = [
        [lever["title"], *amounts(lever), f"{lever['coverage_percent']} %", lever["confidence"]] for lever in found
    ]
    lines.append(["Together", *amounts(total), "", ""])
    parts = [
        picture,
        _table(["Savings opportunity", "Low", "Base", "High", "Base, of bill", "Coverage", "Confidence"], lines),
    ]
    for lever in found:
        assumed = "".join(f"<li>{_text(sentence)}</li>" for sentence in lever["assumptions"])
        top = [
            [_name(row["model"]), _name(row["feature"]), display(row["usd"]), f"{row['requests']:,}"]
            for row in lever["top"]
        ]
        table = _table(["Model", "Feature", "Saves", "Requests"], top)
        parts.append(
            f"<details open><summary>{_text(lever['title'])}</summary><p>{_text(lever['formula'])}. Risk: "
            f"{_text(lever['quality_risk'])}.</p><ul>{assumed}</ul>{table}</details>"
        )
    if none:
        parts.append(f"<p>{_text(nothing_found(none))}</p>")
    if unknown:
        missing = [[lever["title"], ", ".join(lever["missing"]), lever["remedy"]] for lever in unknown]
        parts.append(
            "<h3>Cannot be assessed with this "
            f"log</h3>{_table(['Savings opportunity', 'Missing', 'What to do'], missing, 'words')}"
        )
    if month := savings.get("month"):
        parts.append(f"<p>{_text(at_this_pace(month))}</p>")
    return _section("Where to cut", *parts)


def _forecast(forecast: Forecast) -> str:
    figures = (forecast["so_far_usd"], forecast["low_usd"], forecast["base_usd"], forecast["high_usd"])
    line = [forecast["month"], *map(display, figures)]
    return _section("End of the month", _table(["Month", "So far", "Low", "Base", "High"], [line]))


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{_text(title)}</h2>{''.join(parts)}</section>"
