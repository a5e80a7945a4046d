"""Markdown of agents becomes HTML that can do nothing, whatever is in it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.services.safe_html import MAX_CHARACTERS, safe_html

TAGS = {
    *("a", "blockquote", "br", "hr", "li", "ol", "p", "pre", "ul", "code", "del", "em", "s", "strong"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "tbody", "td", "th", "thead", "tr"),
}
ATTRIBUTES = {"href", "title", "rel", "target", "start", "class"}
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<iframe srcdoc='<script>1</script>'></iframe>",
    "<svg/onload=alert(1)>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt&colon;alert(1))",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](vbscript:x)",
    "<javascript:alert(1)>",
    "![x](https://evil.example/pixel.png)",
    "![<b>](x)",
    '[a](https://x "t\\" onmouseover=\\"alert(1)")',
    "<style>body{background:url(//evil)}</style>",
    "<form action=//evil><input></form>",
    "<a href='https://x' onclick='alert(1)'>x</a>",
    "```html\n<script>alert(1)</script>\n```",
    '```x" onload="alert(1)\ny\n```',
    "| a | <script> |\n|:-:|--|\n| [x](javascript:1) | ![y](//evil) |",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!-- --!><script>alert(1)</script>",
    "[x]: javascript:alert(1)\n\n[x]",
    "<noscript><p title='</noscript><img src=x onerror=1>'>",
]


def is_harmless(html: str) -> bool:
    """Only known tags, with known attributes, whose links lead to the web or to mail; apart, and telling nothing."""
    for tag, attributes in re.findall(r"<\s*/?\s*([a-zA-Z!?][^\s>/]*)([^>]*)>", html):
        named = dict(re.findall(r'([a-z-]+)="([^"]*)"', attributes))
        if tag not in TAGS or not set(named) <= ATTRIBUTES:
            return False
        if re.sub(r'[a-z-]+="[^"]*"', "", attributes).strip(" /"):
            return False
        href = named.get("href")
        if href is not None:
            scheme = re.match(r"\s*([a-zA-Z][a-zA-Z0-9+.-]*):", href)  # RFC 3986, 3.1; without one it is a path of ours
            is_web = scheme is None or scheme[1].lower() in ("http", "https", "mailto")
            if not is_web or named.get("rel") != "noopener noreferrer nofollow" or named.get("target") != "_blank":
                return False
    return html.count("<") == len(re.findall(r"<\s*/?\s*[a-zA-Z!?]", html))


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_gets_through(text: str) -> None:
    assert is_harmless(safe_html(text)), safe_html(text)


@pytest.mark.parametrize(
    "html", ["<script>", '<p onclick="x">', '<a href="javascript:1">', "<p onclick=x>", '<a href="https://x">']
)
def test_the_judge_of_these_tests_notices_harm(html: str) -> None:
    assert not is_harmless(html)


@given(st.lists(st.sampled_from([*HOSTILE, "*", "`", "\n", "|", "> ", "- ", "#", "[", "](", ")", "<", ">", '"'])))
def test_no_mixture_of_hostile_parts_gets_through(parts: list[str]) -> None:
    assert is_harmless(safe_html("".join(parts)))


def test_tables_keep_their_alignment_as_a_class() -> None:
    html = safe_html("| a | b | c | d |\n|:--|--:|:-:|---|\n| 1 | 2 | 3 | 4 |")
    assert '<td class="left">1</td>' in html
    assert '<td class="right">2</td>' in html
    assert '<td class="center">3</td>' in html
    assert "<td>4</td>" in html
    assert "style" not in html


def test_an_image_becomes_its_description() -> None:
    assert safe_html("![a chart](https://x/y.png)") == "<p>[a chart]</p>\n"
    assert safe_html("![](https://x/y.png)") == "<p>[image]</p>\n"


def test_a_link_opens_apart_and_does_not_tell_where_it_was() -> None:
    assert 'target="_blank"' in safe_html("[x](https://example.org)")
    assert 'rel="noopener noreferrer nofollow"' in safe_html("[x](https://example.org)")


def test_the_usual_markdown_is_shown() -> None:
    html = safe_html("# Head\n\n3. three\n\n~~gone~~ **bold** `code`\n\n> said\n")
    for part in ("<h1>Head</h1>", '<ol start="3">', "<s>gone</s>", "<strong>bold</strong>", "<code>code</code>"):
        assert part in html


def test_text_that_is_too_long_is_shown_as_it_is_written() -> None:
    html = safe_html("<b>" + "x" * MAX_CHARACTERS)
    assert html.startswith("<pre>&lt;b&gt;xxx")
