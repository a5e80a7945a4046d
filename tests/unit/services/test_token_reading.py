"""What stands in a token, before anything of it is believed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from jwt.api_jws import PyJWS

from netra_backend.app.core.limits import USUAL
from netra_backend.app.services.token_reading import Claims, Header, is_signed, read_token

KEY = b"0123456789abcdef0123456789abcdef"


def token(header: Any, claims: Any) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims))
    return f"{'.'.join(parts)}.signature"


def test_header_and_claims_are_read_as_they_stand_there() -> None:
    header, claims = read_token(
        token({"alg": "HS256", "kid": "k", "typ": "at+jwt"}, {"sub": "ada", "jti": "t1", "exp": 5})
    )
    assert header == Header("HS256", "k", "at+jwt")
    assert claims == Claims(sub="ada", jti="t1", exp=5)


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c.d", "x" * (USUAL.token_characters + 1)])
def test_of_what_is_no_token_nothing_is_read(text: str) -> None:
    assert read_token(text) == (Header(), Claims())


@pytest.mark.parametrize("claims", [{"exp": "soon"}, {"sub": 7}, {"netra_clock": 1}, [], None])
def test_claims_of_another_type_are_none(claims: Any) -> None:
    assert read_token(token({"alg": "HS256"}, claims))[1] == Claims()


def test_a_signature_holds_by_a_pinned_algorithm_alone() -> None:
    signed = PyJWS().encode(b"{}", KEY, algorithm="HS256")
    assert is_signed(signed, KEY, ["HS256"])
    assert not is_signed(signed, KEY, ["HS512"])
    assert not is_signed(signed, b"another key, of thirty-two bytes", ["HS256"])
    assert not is_signed(f"{signed}x", KEY, ["HS256"])
