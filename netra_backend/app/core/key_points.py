"""The validation points of API keys."""

from __future__ import annotations

from typing import Final

from .points import catalogued as _point

_KEYS: Final = "services.api_keys"

AUTH_KEY = _point("auth.key", _KEYS, "AuthenticationRefused", "an API key proves its user only with its secret")
AUTH_MANAGES = _point(
    "auth.manages",
    "services.authentication",
    "AuthenticationRefused",
    "an API key or a ticket makes no credential, changes none, and deletes no user",
)
KEY_FORM = _point("api_key.form", _KEYS, "FrameRefused", "name, scopes and end of an API key are of a form")
KEY_SCOPE = _point(
    "api_key.scope", _KEYS, "AuthenticationRefused", "an API key may do nothing that its maker may not do"
)
KEY_MAKER = _point(
    "api_key.maker", _KEYS, "AuthenticationRefused", "an API key is made by a sign-in that no process has ended"
)
KEY_NAMED = _point("api_key.named", _KEYS, "FrameRefused", "two API keys of a user have two names")
KEY_ROOM = _point("api_key.room", _KEYS, "LimitRefused", "the API keys of a user are limited in number")
KEY_OWNED = _point("api_key.owned", _KEYS, "NotFound", "another's API key is answered like one that does not exist")
KEY_REVOKED = _point(
    "api_key.revoked",
    "services.revocations",
    "FrameRefused",
    "an API key is deleted, for good, and not revoked for a day as a token is",
)
