"""The proxy of tests is a real one: what it passes on arrives, and what it does by itself is what a client sees."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from test_framework.issuer import publishing
from test_framework.proxy import Answer, Cut, Stall, proxy_before


async def test_it_treats_each_connection_as_its_mood_says_and_passes_on_the_rest() -> None:
    async with publishing([]) as issuer, proxy_before(issuer.url, Answer(502, ("Retry-After: 7",)), Cut()) as proxy:

        async def asked() -> httpx.Response:
            async with httpx.AsyncClient(trust_env=False) as client:
                return await client.get(f"{proxy.url}/jwks")

        refused = await asked()
        assert (refused.status_code, refused.headers["retry-after"]) == (502, "7")
        with pytest.raises(httpx.RemoteProtocolError):
            await asked()
        assert (await asked()).json() == {"keys": []}
        assert issuer.asked == ["/jwks"]
        assert [head.split()[1] for head in proxy.heads] == [b"/jwks"] * 3


async def test_a_stalled_client_hears_nothing_until_it_goes() -> None:
    async with publishing([]) as issuer, proxy_before(issuer.url, Stall()) as proxy:
        async with httpx.AsyncClient(trust_env=False, timeout=0.05) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get(proxy.url)
        assert issuer.asked == []


async def test_a_cut_ends_what_is_passed_on() -> None:
    async def idle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(idle, "127.0.0.1", 0)
    upstream = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, proxy_before(upstream) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await reader.readexactly(5) == b"hello"
        proxy.cut()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(1)
        writer.close()
