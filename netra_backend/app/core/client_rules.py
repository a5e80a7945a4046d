"""What a client does after a close, an error or an HTTP status: one table, made of the catalogue of errors.

The Python client reads it here; the web page reads ``page/core/error_table.js``, which is written from here.
"""

from __future__ import annotations

from typing import Final, Literal

from .error_catalogue import CATALOGUE

Next = Literal["reconnect", "renew", "sign_in", "stop"]
"""``reconnect``: with the same token. ``renew``: with a new one. ``sign_in``: this sign-in is over. ``stop``: stay away."""

FINAL_CODES: Final = (4500, 4599)
"""The first and the last close code that end a connection for good; after every other code a client reconnects."""

TOO_BIG: Final = 1009
"""The close code for a message that is too long (RFC 6455, 7.4.1). Final for the message, not for the connection."""

MESSAGE_FAULTS: Final = frozenset({"invalid_frame", "invalid_json", "payload_too_large", "unknown_type"})
"""Errors of a message itself: it is never sent again, whether or not the server could read its ``id``."""

TRANSIENT_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
"""HTTP statuses that are waited out: the server or a proxy is busy or away (RFC 9110, 15; 520 to 524: a CDN's words for it)."""

MOST_SENDS: Final = 10
"""A message is sent so often without an answer, each time over another connection; then it is given up."""

STEADY_S: Final = 5.0
"""A connection that stood for so long has held: what comes after it waits from the shortest wait on again."""

_OF_CODE: Final = {kind.close_code: kind for kind in CATALOGUE.values() if kind.close_code is not None}
_OF_IDENTITY: Final = (401, 403)


def after_close(code: int) -> Next:
    """What to do after a close code."""
    kind = _OF_CODE.get(code)
    if FINAL_CODES[0] <= code <= FINAL_CODES[1]:
        return "sign_in" if kind is not None and kind.status in _OF_IDENTITY else "stop"
    return "renew" if kind is not None and kind.id == "token_expired" else "reconnect"


def after_status(status: int, error: str = "") -> Next:
    """What to do after an HTTP status other than success, before there is a connection. ``error`` is the id of the catalogue that
    the answer's body names, if it does."""
    kind = CATALOGUE.get(error)
    if kind is not None and kind.close_code is not None and kind.status == status:
        return after_close(kind.close_code)
    if status in TRANSIENT_STATUSES:
        return "reconnect"
    return "sign_in" if status == _OF_IDENTITY[0] else "stop"
