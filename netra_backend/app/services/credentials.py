"""The credentials of a request, read from an ASGI scope; nothing is verified here.

A token, or an API key, comes, by order of preference, in ``Authorization: Bearer`` or ``X-Api-Key`` (machines), as the
sub-protocol ``bearer.<token>`` beside ``netra.v1`` (browsers), or in a first frame (``core.session``). A query string may bring
a single-use ticket, never a token: addresses end up in logs, histories and referrers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from ..core import validation
from ..core.error_catalogue import CATALOGUE
from ..core.errors import AuthenticationRefused
from ..core.identity import WEBSOCKET, TicketUse
from ..core.settings_values import is_same_host, origin_of

PROTOCOL: Final = "netra.v1"
_BEARER: Final = "bearer."
_MAX_QUERY_BYTES: Final = 8_192
_TOKEN_FIELDS: Final = frozenset(
    {"token", "access_token", "id_token", "jwt", "authorization", "bearer", "api_key", "apikey", "api-key", "x-api-key"}
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What came. ``subprotocol`` is the only one that may be answered: a token is never echoed."""

    token: str | None = field(default=None, repr=False)
    ticket: str | None = field(default=None, repr=False)
    subprotocol: str | None = None


def read_credentials(scope: Mapping[str, Any]) -> Credentials:
    """Read a WebSocket or HTTP scope. Raises ``AuthenticationRefused`` for a token in the query string."""
    offered: list[str] = list(scope.get("subprotocols") or ())
    spoken = PROTOCOL if PROTOCOL in offered else None
    fields = _query(scope)
    if not _TOKEN_FIELDS.isdisjoint(name.lower() for name, _ in fields):
        raise AuthenticationRefused(
            "Tokens are not accepted in a query string, because they would end up in logs.",
            point=validation.CREDENTIALS_QUERY,
            field="query",
            hint="Send the token in the Authorization header, or get a single-use ticket for this address.",
        )
    token = _bearer_header(scope) or header(scope, b"x-api-key")
    if token is None and spoken:
        token = next((name.removeprefix(_BEARER) for name in offered if name.startswith(_BEARER)), None)
    return Credentials(token or None, next((value for name, value in fields if name == "ticket"), None), spoken)


def use_of(scope: Mapping[str, Any]) -> TicketUse | None:
    """What a WebSocket or HTTP scope asks for, as a ticket can open it; ``None`` for what no ticket opens."""
    if scope["type"] == "websocket":
        return WEBSOCKET
    if scope["method"] != "GET":
        return None
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    fields = scope.get("query_string", b"").decode("latin-1").split("&")
    query = "&".join(each for each in fields if each and not each.startswith("ticket="))
    return TicketUse("download", f"{path}?{query}" if query else path)


def check_origin(scope: Mapping[str, Any], allowed: Iterable[str], public_url: str | None = None) -> None:
    """Refuse a page of an origin that is neither ours nor on the list. No ``Origin`` is no page.

    Ours is the origin of ``public_url`` or the host that the request names: nobody is known by a cookie here, so a page
    that lies about its host gains nothing by it.
    """
    given = header(scope, b"origin")
    if given is None:
        return
    origin = origin_of(given)
    ours = origin is not None and (
        origin in allowed
        or (public_url is not None and origin == origin_of(public_url))
        or is_same_host(origin, header(scope, b"host") or "")
    )
    if not ours:
        raise AuthenticationRefused(
            CATALOGUE["origin_refused"].text,
            kind="origin_refused",
            point=validation.CREDENTIALS_ORIGIN,
            field="Origin",
        )


def header(scope: Mapping[str, Any], name: bytes) -> str | None:
    """The first header of that (lower-case) name."""
    for key, value in scope.get("headers", ()):
        if key.lower() == name:
            return str(value, "latin-1").strip()
    return None


def joined_header(scope: Mapping[str, Any], name: bytes) -> str:
    """All lines of the list that has that (lower-case) name, in their order (RFC 9110, 5.3); empty if there is none."""
    return ", ".join(str(value, "latin-1") for key, value in scope.get("headers", ()) if key.lower() == name)


def _bearer_header(scope: Mapping[str, Any]) -> str | None:
    scheme, _, token = (header(scope, b"authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _query(scope: Mapping[str, Any]) -> list[tuple[str, str]]:
    text: bytes = scope.get("query_string", b"")[:_MAX_QUERY_BYTES]
    try:
        return parse_qsl(text.decode("latin-1"), max_num_fields=64)
    except ValueError:
        return []
