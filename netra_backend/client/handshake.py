"""An HTTP status where a connection was asked for: what it was, what to do, and how long to wait."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import msgspec

from ..app.core.client_rules import TRANSIENT_STATUSES
from ..app.core.error_catalogue import CATALOGUE
from .errors import HandshakeRefused

_SIGN_IN: Final = CATALOGUE["unauthenticated"].close_code or 0
_NO_CLOSE_FRAME: Final = 1006
_HINTS: Final = {
    400: "Check that the address is a Netra server's, and that each proxy before it passes WebSockets on.",
    401: "Sign in again or get a new token. If a proxy asks for a sign-in of its own, let this client through there.",
    403: "Check the address, and whether a proxy before the server lets this client through.",
    404: "Check the address, and the path under which a proxy serves Netra.",
    407: "A proxy asks for a sign-in of its own; let this client through there.",
    426: "Have the proxy pass WebSockets on: HTTP/1.1 with the headers Upgrade and Connection.",
}
_TRY_LATER: Final = "It may be busy or away: try again later, or raise patience_s."
_CHECK: Final = "Check the address and each proxy before the server."


class _Problem(msgspec.Struct):
    error: str = ""


def refused_by_http(
    url: str, status: int, headers: Mapping[str, str], body: bytes, *, now: float | None = None
) -> HandshakeRefused:
    """What such an answer means. ``now`` is Unix time, for a ``Retry-After`` that is a date (RFC 9110, 10.2.3)."""
    retry_after_s = retry_after(headers.get("retry-after", ""), time.time() if now is None else now)
    kind = CATALOGUE.get(_error_of(body))
    if kind is not None:
        code = kind.close_code or _NO_CLOSE_FRAME
        return HandshakeRefused(code, kind.id, kind.hint, status=status, retry_after_s=retry_after_s)
    try:
        phrase = f" {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = ""
    hint = _HINTS.get(status, _TRY_LATER if status in TRANSIENT_STATUSES else _CHECK)
    code = _SIGN_IN if status == HTTPStatus.UNAUTHORIZED else _NO_CLOSE_FRAME
    reason = f"{url} refused the connection (HTTP {status}{phrase})."
    return HandshakeRefused(code, reason, hint, status=status, retry_after_s=retry_after_s)


def retry_after(text: str, now: float) -> float | None:
    """The seconds that a ``Retry-After`` asks for; ``None`` if it says nothing that can be read."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _error_of(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Problem).error
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""
