"""Curves as one SVG file: a grid of small panels, what grows to the right by decades, a bar from the worst to the best round.

The file needs nothing else; where it is shown decides whether it is drawn for a light or a dark page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from .figures import Figure

WIDTH = 980
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 16, 84, 50
_PANEL_HEIGHT, _ROW_GAP, _COLUMN_GAP = 132, 44, 22
_INSIDE = 26
"""Between the sides of a panel and its first and last point."""

_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #3d444d }
.title { font-size: 15px; font-weight: 600; fill: #1f2328 }
.name { font-weight: 600; fill: #1f2328 }
.page { fill: #ffffff }
.value { font-size: 10.5px; paint-order: stroke; stroke: #ffffff; stroke-width: 3px; stroke-linejoin: round }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.line { fill: none; stroke-width: 2; stroke-linejoin: round }
.noise { stroke-width: 1.25; opacity: .75 }
.a { stroke: #0969da } .a-fill { fill: #0969da }
.b { stroke: #bc4c00 } .b-fill { fill: #bc4c00 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } .value { stroke: #0d1117 }
text { fill: #b7bdc8 } .title, .name { fill: #f0f6fc } .grid { stroke: #3d444d }
.a { stroke: #58a6ff } .a-fill { fill: #58a6ff }
.b { stroke: #ffa657 } .b-fill { fill: #ffa657 }
}
""".strip()


@dataclass(frozen=True, slots=True)
class Line:
    """One quantity as something grows. The first line of a panel has its values above it; of two, the lower below."""

    name: str
    points: Sequence[tuple[float, Figure]]


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side that show the same quantities, one or two, on one scale; one panel for each column."""

    name: str
    panels: Sequence[Sequence[Line]]
    digits: int = 0
    by_decades: bool = False
    """Whether the scale goes by decades, and not from 0."""


Scale = Callable[[float], float]


def picture(title: str, note: str, columns: Sequence[str], rows: Sequence[Row]) -> str:
    """The SVG file. ``columns`` name what grows from left to right in the panels below."""
    height = _TOP + len(rows) * (_PANEL_HEIGHT + _ROW_GAP) - _ROW_GAP + _BOTTOM
    width = (WIDTH - _LEFT - _RIGHT - (len(columns) - 1) * _COLUMN_GAP) / len(columns)
    lefts = [_LEFT + index * (width + _COLUMN_GAP) for index in range(len(columns))]
    across = [
        decades_scale([x for row in rows for line in row.panels[index] for x, _ in line.points], left, left + width)
        for index, left in enumerate(lefts)
    ]
    parts = [_text(_LEFT, 24, title, "title"), _text(_LEFT, 43, note)]
    for number, row in enumerate(rows):
        bottom = _TOP + number * (_PANEL_HEIGHT + _ROW_GAP) + _PANEL_HEIGHT
        parts += _row(row, bottom, lefts, width, across)
    for index, (name, left) in enumerate(zip(columns, lefts, strict=True)):
        xs = sorted({x for row in rows for line in row.panels[index] for x, _ in line.points})
        parts += [_text(across[index](x), height - 34, short(x), anchor="middle") for x in xs]
        parts.append(_text(left + width / 2, height - 14, name, "name", anchor="middle"))
    label = escape(title, quote=True)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">'
    page = f'<rect class="page" width="{WIDTH}" height="{height}"/>'
    return "\n".join([head, f"<style>{_STYLE}</style>", page, *parts, "</svg>\n"])


def even_ticks(top: float) -> list[float]:
    """From 0 to the first round number that is not below ``top``, in three to five round steps."""
    rough = top / 4 or 1.0
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough * (1 - 1e-9))
    return [step * count for count in range(math.ceil(top / step - 1e-9) + 1)]


def decade_ticks(low: float, high: float) -> list[float]:
    """The powers of ten from the last that is not above ``low`` to the first that is not below ``high``."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    return [10.0**power for power in range(first, max(last, first + 1) + 1)]


def decades_scale(values: Sequence[float], left: float, right: float) -> Scale:
    """Where a value stands between two sides, the same distance for each decade, with room beside the first and the last."""
    low, high = math.log10(min(values)), math.log10(max(values))
    room = right - left - 2 * _INSIDE
    return lambda value: left + _INSIDE + (room * (math.log10(value) - low) / (high - low) if high > low else room / 2)


def short(value: float) -> str:
    """A number as it stands at an axis: 100, 1k, 10k, 1M."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"


def _row(row: Row, bottom: float, lefts: Sequence[float], width: float, across: Sequence[Scale]) -> list[str]:
    rounds = [value for panel in row.panels for line in panel for _, one in line.points for value in one.rounds]
    ticks = decade_ticks(min(rounds), max(rounds)) if row.by_decades else even_ticks(max(rounds))
    up = _upwards(ticks, bottom, row.by_decades)
    names = "".join(
        f'<tspan class="{mark}-fill" dx="10">● {escape(line.name)}</tspan>'
        for mark, line in zip("ab", row.panels[0], strict=False)
        if line.name
    )
    parts = [f'<text class="name" x="{_LEFT}" y="{bottom - _PANEL_HEIGHT - 10}">{escape(row.name)}{names}</text>']
    for tick in ticks:
        parts.append(_text(_LEFT - 8, up(tick) + 4, short(tick), anchor="end"))
        parts += [_stroke("grid", left, up(tick), left + width, up(tick)) for left in lefts]
    for panel, x_of in zip(row.panels, across, strict=True):
        for mark, line in zip("ab", panel, strict=False):
            below = len(panel) > 1 and mark == "a"
            parts += _line(line, mark, x_of, up, digits=row.digits, lowest=bottom if below else None)
    return parts


def _upwards(ticks: Sequence[float], bottom: float, by_decades: bool) -> Scale:
    place = math.log10 if by_decades else float
    low, high = place(ticks[0]), place(ticks[-1])
    return lambda value: bottom - _PANEL_HEIGHT * (place(value) - low) / (high - low)


def _line(line: Line, mark: str, across: Scale, up: Scale, *, digits: int, lowest: float | None) -> list[str]:
    """Values stand at their points: above them, or below where ``lowest`` leaves room for that."""
    parts = []
    for (x, one), (next_x, following) in pairwise(line.points):
        ends = across(x), up(one.median), across(next_x), up(following.median)
        parts.append(_stroke(f"line {mark}", *ends))
    for x, one in line.points:
        at, worst, best = across(x), up(min(one.rounds)), up(max(one.rounds))
        parts.append(_stroke(f"noise {mark}", at, worst, at, best))
        parts += [_stroke(f"noise {mark}", at - 4, end, at + 4, end) for end in (worst, best)]
        parts.append(f'<circle class="{mark}-fill" cx="{at:.1f}" cy="{up(one.median):.1f}" r="3.2"/>')
        y = up(one.median) + 14
        if lowest is None or y > lowest:
            y = up(one.median) - 7
        parts.append(_text(at, y, f"{one.median:,.{digits}f}", "value", anchor="middle"))
    return parts


def _stroke(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str = "", *, anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
