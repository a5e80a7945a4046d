"""Who a token is for, as the server that takes it says."""

from __future__ import annotations

import base64
import binascii

import httpx
import msgspec

from ..app.core.ids import is_valid_id
from .bearer_get import bearer_get
from .errors import Closed
from .handshake import refused_by_http


class _Claims(msgspec.Struct):
    sub: str = ""
    iss: str = ""


class _Me(msgspec.Struct):
    user_id: str


DEVELOPMENT_ISSUER = "netra-development"


async def user_of(url: str, token: str) -> str:
    """The user id of a token: read from the token if the server's own key signed it, otherwise requested from ``/api/me``.

    Raises ``HandshakeRefused`` if the server, or a proxy before it, does not answer with it, and ``Closed`` if none is reached.
    """
    try:
        payload = token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=_Claims)
    except (IndexError, binascii.Error, msgspec.DecodeError, ValueError):
        claims = _Claims()
    if claims.iss == DEVELOPMENT_ISSUER and is_valid_id(claims.sub):
        return claims.sub
    answer = await bearer_get(url, "/api/me", token)
    if answer.status_code != httpx.codes.OK:
        raise refused_by_http(url, answer.status_code, answer.headers, answer.content)
    try:
        return msgspec.json.decode(answer.content, type=_Me).user_id
    except (msgspec.DecodeError, UnicodeError):
        hint = "Check the address: something else answers there."
        raise Closed(4501, f"{url} does not answer as a Netra server.", hint) from None
