"""Who a token is for, as the server that takes it says."""

from __future__ import annotations

import base64
import binascii

import httpx
import msgspec

from ..app.core.error_catalogue import CATALOGUE, ErrorKind
from ..app.core.ids import is_valid_id
from .bearer_get import bearer_get
from .errors import Closed


class _Claims(msgspec.Struct):
    sub: str = ""
    iss: str = ""


class _Problem(msgspec.Struct):
    error: str = ""


class _Me(msgspec.Struct):
    user_id: str


DEVELOPMENT_ISSUER = "netra-development"


async def user_of(url: str, token: str) -> str:
    """The user id of a token: read from the token if the server's own key signed it, otherwise requested from ``/api/me``.

    Raises ``Closed`` if the server does not accept the token or cannot be reached.
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
        entry = _condition_of(answer.content)
        if entry is not None and entry.retryable and entry.close_code is not None:
            raise Closed(entry.close_code, entry.id)
        raise Closed(
            4501, f"{url} does not accept this token (HTTP {answer.status_code}).", "Sign in again or get a new token."
        )
    return msgspec.json.decode(answer.content, type=_Me).user_id


def _condition_of(content: bytes) -> ErrorKind | None:
    """The condition of the catalogue that an answer names."""
    try:
        return CATALOGUE.get(msgspec.json.decode(content, type=_Problem).error)
    except msgspec.DecodeError:
        return None
