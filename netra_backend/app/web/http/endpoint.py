"""What an endpoint of the HTTP API is: one method on one path, described once; served, documented and tested from that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
from starlette.responses import Response

from ...core.identity import EVERYBODY, READ

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
BINARY: Final = "application/octet-stream"
ANY: Final = "*/*"
"""Of a media type of its own, which was said when it was stored."""
NO_STORE: Final = {"Cache-Control": "no-store"}

encode_json: Final = msgspec.json.Encoder(decimal_format="string").encode

OF_EVERY_ENDPOINT: Final = ("internal", "rate_limited")
OF_SIGNED_IN: Final = (
    "unauthenticated",
    "token_not_yet_valid",
    "token_expired",
    "revoked",
    "forbidden",
    "origin_refused",
    "dependency_unavailable",
)


@dataclass(frozen=True, slots=True)
class Query:
    """One field of a query string. ``kind`` is its type, as a schema is made of it; ``many``: it may come again."""

    name: str
    kind: Any
    about: str
    many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method on one path.

    ``handler`` takes the request, and the identity it comes from if ``scope`` names one; ``scope`` ``None`` opens it to
    anybody, and ``also_for`` is another scope that opens it. ``manages``: it makes, changes or ends credentials, or ends their
    user, and is for no API key. ``answer`` is the type of a JSON answer, ``lines`` those of its lines if it answers in NDJSON;
    ``media`` is what else it answers in (with ``answer``: to those who accept that). ``also`` are other statuses that have the
    same answer. ``body`` is the type of a JSON body, or ``BINARY``; ``body_required`` whether there must be one. ``refusals`` are
    the errors of the catalogue that it may answer with besides those of every endpoint.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    name: str
    about: str
    handler: Callable[..., Awaitable[Response]]
    scope: str | None = EVERYBODY
    also_for: str = ""
    manages: bool = False
    answer: Any = None
    lines: tuple[Any, ...] = ()
    media: str = JSON
    status: int = 200
    also: tuple[int, ...] = ()
    query: tuple[Query, ...] = ()
    body: Any = None
    body_required: bool = True
    refusals: tuple[str, ...] = ()
    told: Callable[[Any], Response] | None = None
    """How a ``Problem`` leaves in the protocol that this endpoint speaks; ``None``: as it is (RFC 9457)."""
    is_counted: bool = True
    """Whether a stranger's requests count against their address; what watches the server is never refused."""

    @property
    def other_scopes(self) -> tuple[str, ...]:
        """The scopes that open it beside ``scope``: what reads what everybody reads is open to who may only read."""
        reads = (READ,) if self.method == "GET" and self.scope == EVERYBODY and not self.manages else ()
        return (*reads, *((self.also_for,) if self.also_for else ()))

    @property
    def group(self) -> str:
        """The first word of its path: what it is about."""
        return self.path.removeprefix("/api/").strip("/").partition("/")[0] or "page"

    @property
    def faults(self) -> tuple[str, ...]:
        """All errors of the catalogue that it may tell."""
        of_body = ("payload_too_large", "too_slow") if self.body is not None else ()
        signed_in = OF_SIGNED_IN if self.scope is not None else ()
        of_every = OF_EVERY_ENDPOINT if self.is_counted else ("internal",)
        return tuple(dict.fromkeys((*self.refusals, *of_body, *signed_in, *of_every)))


def attachment(media: str, file_name: str) -> dict[str, str]:
    """The headers of bytes that came from outside: a browser keeps them as a file, takes them for nothing but ``media``, and
    runs nothing in them."""
    return {
        "Content-Type": media,
        "Content-Disposition": f'attachment; filename="{file_name}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }


def json_response(value: Any, status: int = 200) -> Response:
    """``value`` as JSON; never kept by a cache: it is one user's."""
    return Response(encode_json(value), status, NO_STORE, JSON)
