"""The report as one file."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html.parser import HTMLParser

from netra_backend.app.usage.anomalies import detect_anomalies
from netra_backend.app.usage.forecast import forecast_spend
from netra_backend.app.usage.report import build_report
from netra_backend.app.usage.report_html import report_html
from netra_backend.app.usage.savings import combine_savings
from netra_backend.app.usage.summary import cost_summary
from test_framework.usage_rows import usage_rows

POISON = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def page() -> str:
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
    connection = usage_rows(rows)
    return report_html(
        build_report(
            summary=cost_summary(connection, {}),
            savings=combine_savings(connection, {}),
            anomalies=detect_anomalies(connection, {}),
            forecast=forecast_spend(connection, {}),
            notes=[POISON],
        )
    )


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
        "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "ul", "li", "div",
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
    assert '<div class="wide"><table class=""><thead><tr><th scope="col">Lever</th>' in page()


def test_an_empty_report_is_a_page_all_the_same() -> None:
    assert "<h1>" in report_html(build_report())
