"""A key that the operator gave."""

from __future__ import annotations

import pytest

from netra_backend.app.adapters.auth.static_keys import StaticKeys
from netra_backend.app.config import DEVELOPMENT, TokenSource
from netra_backend.app.sign_in_ports import KeySet


async def test_each_kind_of_source_has_its_key_whatever_a_token_names() -> None:
    secret: KeySet = StaticKeys(TokenSource("secret", ("HS256",), secret=b"s"))
    public: KeySet = StaticKeys(TokenSource("public_key", ("ES256",), public_key="PEM"))
    development: KeySet = StaticKeys(DEVELOPMENT, b"d")
    assert await secret.find("any", "HS256") == b"s"
    assert await public.find(None, "ES256") == b"PEM"
    assert await development.find(None, "HS256") == b"d"
    await secret.close()


def test_a_source_without_a_key_is_a_mistake() -> None:
    for source in (DEVELOPMENT, TokenSource("jwks", ("RS256",), url="https://keys.example.com")):
        with pytest.raises(ValueError, match="no key of its own"):
            StaticKeys(source)
