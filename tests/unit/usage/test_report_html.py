"""The report as one file."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from functools import cache
from html.parser import HTMLParser

from netra_backend.app.usage.report import Report
from netra_backend.app.usage.report_html import report_html
from test_framework.usage_rows import report_of, usage_rows

POISON = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


@cache
def report() -> Report:
    rows = [
        {
            "ts": datetime(2026, 10, 5) + timedelta(days=day, hours=23),
            "input_tokens": 4_000_000 * (9 if day == 20 else 1),
            "granularity": "day",
            "team": POISON if day % 2 else "search",
            "feature": "nightly",
            "model": POISON if day == 3 else "gpt-4o",
        }
        for day in range(29)
    ]
    return {**asyncio.run(report_of(usage_rows(rows))), "notes": [POISON]}


def page(**changes: object) -> str:
    return report_html({**report(), **changes})  # type: ignore[typeddict-item]  # each test changes what it is about


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_it_holds_a_picture_and_a_table_for_each_view() -> None:
    text = page()
    for title in ("By day", "By model", "By team", "Where to cut"):
        section = text.split(f"<h2>{title}</h2>")[1].split("</section>")[0]
        assert "<svg" in section, title
        assert "<table" in section, title
    assert 'class="jump"' in text
    assert "End of the month" in text


def test_nothing_of_the_data_becomes_markup() -> None:
    tags = Tags(page()).found
    assert {tag for tag, _ in tags} <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "section", "svg", "rect", "polyline", "text",
        "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "ul", "li", "div", "strong",
    }  # fmt: skip
    assert not [attribute for _, attributes in tags for attribute in attributes if attribute.startswith("on")]


def test_it_needs_nothing_from_anywhere() -> None:
    text = page()
    assert not [
        name for _, attributes in Tags(text).found for name in attributes if name in {"src", "href", "data", "action"}
    ]
    assert not re.search(r"url\(|@import|https?://", text)
    assert "default-src 'none'" in text


def test_it_is_made_for_light_dark_and_paper() -> None:
    assert "prefers-color-scheme: dark" in page()
    on_paper = page().split("@media print")[1]
    assert "color-scheme: light" in on_paper
    assert "--ink: #000; --paper: #fff" in on_paper


def test_a_figure_is_not_broken_over_lines_and_a_name_may_be() -> None:
    cells = re.findall(r"<td[^>]*>(?:\$|[a-z])[^<]*", page())
    assert {cell.startswith('<td class="figure">') for cell in cells if ">$" in cell} == {True}
    assert {cell.startswith("<td>") for cell in cells if ">gpt" in cell} == {True}


def test_a_wide_table_moves_sideways_instead_of_the_page() -> None:
    assert '<div class="wide"><table class=""><thead><tr><th scope="col">Savings opportunity</th>' in page()


def test_an_unpriced_part_is_not_shown_as_free() -> None:
    (cells,) = re.findall(
        r"<tr><td>&quot;&gt;&lt;script&gt;.*?</tr>", page().split("<h2>By model</h2>")[1].split("</table>")[0]
    )
    assert "<td>unpriced</td>" in cells


def test_how_far_the_bill_can_be_trusted_stands_under_the_total() -> None:
    head = page().split("<section>")[0]
    assert "<strong>Unpriced</strong>: 1 rows" in head
    assert "29 rows are sums over a time" in head
    assert "% of the requests failed" in head


def test_what_is_missing_is_left_out() -> None:
    assert "End of the month" not in page(forecast=None)
    assert 'class="jump"' not in page(anomalies=None)
    assert "<h2>Notes</h2>" not in page(notes=[])
