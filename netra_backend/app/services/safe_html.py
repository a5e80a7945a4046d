"""Markdown of agents as HTML that cannot do anything: no scripts, styles, forms, frames or images, whatever is in it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

MAX_CHARACTERS: Final = 262_144
"""Longer text is shown as it is written."""

_HEADINGS: Final = {"h1", "h2", "h3", "h4", "h5", "h6"}
_BLOCKS: Final = {"blockquote", "br", "hr", "li", "ol", "p", "pre", "ul"}
_WORDS: Final = {"a", "code", "del", "em", "s", "strong"}
_TABLES: Final = {"table", "tbody", "td", "th", "thead", "tr"}
_ATTRIBUTES: Final = {"a": {"href", "title"}, "ol": {"start"}}
_ALIGNED: Final = {"left", "right", "center"}
_SCHEMES: Final = {"http", "https", "mailto"}


def safe_html(markdown: str) -> str:
    """An HTML fragment of this Markdown (CommonMark with tables and ~~strikethrough~~).

    HTML in the text is shown, not interpreted; images become their description; links open apart, tell nothing of where
    they were, and lead to http, https and mailto only. Cells of tables have their alignment as their class.

    It takes some ten microseconds for each character, and for some texts a time that grows with the square of their length: no
    process that others wait for should call it.
    """
    if len(markdown) > MAX_CHARACTERS:
        return as_written(markdown)
    import nh3  # here and below: loaded with the first result that is shown

    return nh3.clean(
        _parser().render(markdown),
        tags=_HEADINGS | _BLOCKS | _WORDS | _TABLES,
        attributes={name: set(allowed) for name, allowed in _ATTRIBUTES.items()},
        allowed_classes={"td": _ALIGNED, "th": _ALIGNED},
        url_schemes=set(_SCHEMES),
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def as_written(text: str) -> str:
    """An HTML fragment that shows this text as it is written."""
    return f"<pre>{html.escape(text)}</pre>"


@cache
def _parser() -> Any:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
    parser.add_render_rule("image", _described)
    for cell in ("td_open", "th_open"):
        parser.add_render_rule(cell, _aligned)
    return parser


def _described(_: Any, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
    return f"[{html.escape(tokens[index].content) or 'image'}]"


def _aligned(renderer: Any, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    style = token.attrs.pop("style", "")
    if style:
        token.attrs["class"] = str(style).removeprefix("text-align:")
    return str(renderer.renderToken(tokens, index, options, env))
