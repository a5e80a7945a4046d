"""Pictures as inline SVG: bars by day, bars by name, a waterfall. Numbers come in as decimal strings, names as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Final

from .money import display

WIDTH: Final = 900
_PLOT_HEIGHT: Final = 220
_BAR: Final = 26
_LABEL: Final = 240
_AMOUNT: Final = 120


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with its name. ``expected`` is drawn as a line over it, ``marked`` colours it."""

    name: str
    usd: str
    expected: str | None = None
    marked: bool = False


def columns(title: str, bars: Sequence[Bar]) -> str:
    """Upright bars in order, as for days; a tooltip names each."""
    top = max((float(bar.usd) for bar in bars), default=0.0) or 1.0
    step = WIDTH / max(len(bars), 1)
    parts = []
    for index, bar in enumerate(bars):
        height = _PLOT_HEIGHT * float(bar.usd) / top
        kind = "jump" if bar.marked else "bar"
        parts.append(
            f'<rect class="{kind}" x="{index * step:.1f}" y="{_PLOT_HEIGHT - height:.1f}" width="{max(step - 1, 0.5):.1f}" '
            f'height="{height:.1f}"><title>{escape(bar.name)}: {display(bar.usd)}</title></rect>'
        )
    line = [
        f"{(index + 0.5) * step:.1f},{_PLOT_HEIGHT * (1 - min(float(bar.expected) / top, 1)):.1f}"
        for index, bar in enumerate(bars)
        if bar.expected is not None
    ]
    if line:
        parts.append(f'<polyline class="expected" points="{" ".join(line)}"/>')
    if bars:
        # The scale: its top, above which nothing is drawn.
        highest = max(bars, key=lambda bar: float(bar.usd))
        parts.append(f'<text class="scale" x="0" y="12">{display(highest.usd)}</text>')
        parts.append(f'<text x="0" y="{_PLOT_HEIGHT + 18}">{escape(bars[0].name)}</text>')
        parts.append(f'<text x="{WIDTH}" y="{_PLOT_HEIGHT + 18}" text-anchor="end">{escape(bars[-1].name)}</text>')
    return _svg(title, _PLOT_HEIGHT + 24, parts)


def rows(title: str, bars: Sequence[Bar]) -> str:
    """Bars that lie, with name and amount beside them."""
    top = max((float(bar.usd) for bar in bars), default=0.0) or 1.0
    room = WIDTH - _LABEL - _AMOUNT
    parts = []
    for index, bar in enumerate(bars):
        y, width = index * _BAR, room * float(bar.usd) / top
        parts.append(_named(bar.name, y))
        parts.append(f'<rect class="bar" x="{_LABEL}" y="{y + 4}" width="{width:.1f}" height="{_BAR - 8}"/>')
        parts.append(f'<text x="{_LABEL + width + 6:.1f}" y="{y + 18}">{display(bar.usd)}</text>')
    return _svg(title, len(bars) * _BAR, parts)


def waterfall(title: str, start: Bar, savings: Sequence[Bar], end: Bar) -> str:
    """From the bill now, step by step, to what remains."""
    top = float(start.usd) or 1.0
    room = WIDTH - _LABEL - _AMOUNT
    left = Decimal(start.usd)
    parts = [_named(start.name, 0), *_step(0, 0.0, room * float(start.usd) / top, "bar", start.usd)]
    for index, bar in enumerate(savings, 1):
        left -= Decimal(bar.usd)
        parts.append(_named(bar.name, index * _BAR))
        parts += _step(index * _BAR, room * float(left) / top, room * float(bar.usd) / top, "saved", f"-{bar.usd}")
    last = (len(savings) + 1) * _BAR
    parts += [_named(end.name, last), *_step(last, 0.0, room * float(end.usd) / top, "bar", end.usd)]
    return _svg(title, last + _BAR, parts)


def _step(y: int, x: float, width: float, kind: str, usd: str) -> list[str]:
    return [
        f'<rect class="{kind}" x="{_LABEL + x:.1f}" y="{y + 4}" width="{max(width, 0.5):.1f}" height="{_BAR - 8}"/>',
        f'<text x="{_LABEL + x + width + 6:.1f}" y="{y + 18}">{display(usd)}</text>',
    ]


def _named(name: str, y: int) -> str:
    shown = name if len(name) <= 34 else f"{name[:33]}…"
    return f'<text x="{_LABEL - 8}" y="{y + 18}" text-anchor="end">{escape(shown)}<title>{escape(name)}</title></text>'


def _svg(title: str, height: int, parts: Sequence[str]) -> str:
    label = escape(title, quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
