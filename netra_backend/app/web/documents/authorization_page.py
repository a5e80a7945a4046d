"""What a browser shows at the end of an authorization of an MCP server: a page of sentences, and a link at most."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Final

POLICY: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The page runs nothing, loads nothing and sends nothing."""


def authorization_page(title: str, sentences: Iterable[str], link: tuple[str, str] | None = None) -> str:
    """The whole page. ``link`` is an address and the words that lead there; everything is taken for plain text."""
    said = "".join(f"<p>{html.escape(each)}</p>" for each in sentences)
    leads = "" if link is None else f'<p><a href="{html.escape(link[0])}">{html.escape(link[1])}</a></p>'
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Netra: {html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"></head>'
        f"<body><h1>{html.escape(title)}</h1>{said}{leads}</body></html>"
    )
