"""``/errors``: the catalogue of errors for people, made of the catalogue itself."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Mapping
from typing import Final

from ...core.error_catalogue import ErrorKind

_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.5rem;border-bottom:1px solid #8886}"
    "tr:target{outline:2px solid #c60}"
    "code{white-space:nowrap}"
)
_DIGEST: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY: Final = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; frame-ancestors 'none'"
"""The page runs nothing and loads nothing; its one style is named by what it is."""

_HEADS: Final = ("error", "what happened", "what to do", "retry?", "HTTP status", "close code")


def errors_page(catalogue: Mapping[str, ErrorKind]) -> str:
    """The whole page. Each error has its id as its fragment, as problems name it."""
    heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
    rows = "".join(_row(kind) for kind in sorted(catalogue.values(), key=lambda kind: kind.id))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Netra: errors</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        "<h1>Errors</h1><p>The errors that Netra reports to its clients, over WebSocket and HTTP. After a close code from "
        "4400 to 4499, reconnect as the error says; after one from 4500 to 4599, do not reconnect.</p>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></body></html>"
    )


def _row(kind: ErrorKind) -> str:
    cells = (
        f"<code>{kind.id}</code>",
        html.escape(kind.text),
        html.escape(kind.hint),
        "yes" if kind.retryable else "no",
        str(kind.status),
        "" if kind.close_code is None else str(kind.close_code),
    )
    return f'<tr id="{kind.id}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
