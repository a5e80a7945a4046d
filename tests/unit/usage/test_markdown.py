"""Data in Markdown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from netra_backend.app.usage.markdown import MAX_CELL, sentence, table, text

RENDER = MarkdownIt("commonmark", {"linkify": False}).enable("table").enable("strikethrough")


@pytest.mark.parametrize("name", ["gpt-4.1", "search_team", "team a, emea", "chat: v2", "Größe"])
def test_ordinary_names_stay_readable(name: str) -> None:
    assert text(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "a | b",
        "line\nbreak\r\n# heading",
        "**bold** _it_ ~~no~~",
        "[click](https://evil.example)",
        "![img](x)",
        "`code`",
        "https://evil.example",
        "www.evil.example",
        "&lt;b&gt;",
        "\u202eevil\u0000",
    ],
)
def test_a_hostile_name_is_shown_as_it_is_and_makes_nothing(name: str) -> None:
    html = RENDER.render("\n".join(table(["Team", "Cost"], [[text(name), "$1"]])))
    assert html.count("<td>") == 1
    assert html.count("<td") == 2
    for tag in ("<script", "<a ", "<img", "<strong", "<em", "<code", "<s>", "<h1", "\u202e"):
        assert tag not in html


@given(st.text(max_size=200))
def test_no_name_breaks_out_of_its_cell(name: str) -> None:
    lines = table(["Team", "Cost"], [[text(name), "$1"]])
    html = RENDER.render("\n".join(lines))
    assert html.count("<tr>") == 2
    assert html.count("<td") == 2


def test_a_long_name_is_cut() -> None:
    assert len(text("a" * 1000)) == MAX_CELL
    assert text("a" * 1000).endswith("…")


def test_a_sentence_is_shown_whole_and_the_name_in_it_makes_nothing() -> None:
    told = "There are no rows of <b>team</b>: " + "import a longer log " * 10
    assert sentence(told) == told.strip().replace("<", "&lt;").replace(">", "&gt;")
