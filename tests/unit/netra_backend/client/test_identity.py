"""Who a token is for."""

from __future__ import annotations

import asyncio

import pytest

from netra_backend.app.config import DEVELOPMENT
from netra_backend.app.services.token_minting import mint_token
from netra_backend.client.errors import Closed
from netra_backend.client.identity import DEVELOPMENT_ISSUER, user_of


def _token(issuer: str | None) -> str:
    return mint_token("alice", key=b"k" * 32, issuer=issuer, now_ms=1_790_000_000_000, token_id="t1")


async def _answering(status: str, body: bytes) -> tuple[asyncio.Server, str, list[bytes]]:
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
        except (asyncio.IncompleteReadError, ConnectionError):  # a stranger whom this port served before
            writer.close()
            return
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


def test_the_issuer_that_is_read_without_asking_is_that_of_the_development_key() -> None:
    assert DEVELOPMENT.issuer == DEVELOPMENT_ISSUER


async def test_a_token_of_the_development_key_tells_its_user_itself() -> None:
    assert await user_of("http://127.0.0.1:9", _token(DEVELOPMENT.issuer)) == "alice"


@pytest.mark.parametrize("token", ["nothing", "a.b.c", "a.!!!.c"])
async def test_any_other_token_is_asked_of_the_server(token: str) -> None:
    server, url, heads = await _answering("200 OK", b'{"user_id": "u_abc", "scopes": []}')
    async with server:
        assert await user_of(url, token) == "u_abc"
    assert heads[0].startswith(b"GET /api/me ")


async def test_a_token_that_the_server_does_not_take_ends_there() -> None:
    server, url, _ = await _answering("401 Unauthorized", b"{}")
    async with server:
        with pytest.raises(Closed, match="does not take this token"):
            await user_of(url, _token("https://issuer.example"))


async def test_a_server_that_is_not_there_is_told() -> None:
    server, url, _ = await _answering("200 OK", b"")
    server.close()
    await server.wait_closed()
    with pytest.raises(Closed, match="cannot be reached"):
        await user_of(url, "opaque")
