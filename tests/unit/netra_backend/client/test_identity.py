"""Who a token is for."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.config import DEVELOPMENT
from netra_backend.app.services.token_minting import mint_token
from netra_backend.client.errors import Closed
from netra_backend.client.identity import DEVELOPMENT_ISSUER, user_of


def _token(issuer: str | None) -> str:
    return mint_token("alice", key=b"k" * 32, issuer=issuer, now_ms=1_790_000_000_000, token_id="t1")


def test_the_issuer_that_is_read_without_asking_is_that_of_the_development_key() -> None:
    assert DEVELOPMENT.issuer == DEVELOPMENT_ISSUER


async def test_a_token_of_the_development_key_tells_its_user_itself() -> None:
    assert await user_of("http://127.0.0.1:9", _token(DEVELOPMENT.issuer)) == "alice"


@pytest.mark.parametrize("token", ["nothing", "a.b.c", "a.!!!.c"])
async def test_any_other_token_is_asked_of_the_server(token: str, answering: Any) -> None:
    server, url, heads = await answering("200 OK", b'{"user_id": "u_abc", "scopes": []}')
    async with server:
        assert await user_of(url, token) == "u_abc"
    assert heads[0].startswith(b"GET /api/me ")


async def test_a_token_that_the_server_does_not_take_ends_there(answering: Any) -> None:
    server, url, _ = await answering("401 Unauthorized", b"{}")
    async with server:
        with pytest.raises(Closed, match=r"HTTP 401 Unauthorized.*Sign in again"):
            await user_of(url, _token("https://issuer.example"))


async def test_a_server_that_is_not_there_is_told(answering: Any) -> None:
    server, url, _ = await answering("200 OK", b"")
    server.close()
    await server.wait_closed()
    with pytest.raises(Closed, match="cannot be reached"):
        await user_of(url, "opaque")


async def test_a_token_that_is_not_valid_yet_is_no_reason_to_sign_in_again(answering: Any) -> None:
    server, url, _ = await answering("401 Unauthorized", b'{"error": "token_not_yet_valid"}')
    async with server:
        with pytest.raises(Closed) as closed:
            await user_of(url, _token("another"))
    assert (closed.value.code, closed.value.reason) == (4403, "token_not_yet_valid")
