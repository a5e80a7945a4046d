"""HTTP to one origin over real sockets: connected as judged, and bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network

import pytest

from netra_backend.app.adapters.outbound.destinations import Destinations
from netra_backend.app.adapters.outbound.origin_pool import NotConnected, OriginPool
from netra_backend.app.core.errors import DependencyUnavailable, EgressRefused

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
LOOPBACK = (ip_network("127.0.0.0/8"),)


class Names:
    """A name whose addresses change with each look."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, owner: str, name: str) -> list[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    heard: list[bytes] = []
    ended = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        with suppress(OSError):
            await (writer.drain() if answer else reader.read())
        writer.close()
        ended.set()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard
        if heard:
            await ended.wait()


async def body(pool: OriginPool, url: str) -> bytes:
    answer = await pool.send("POST", url, [(b"Host", b"x"), (b"accept-encoding", b"gzip")], b"")
    try:
        return b"".join([chunk async for chunk in answer.chunks])
    finally:
        await answer.close()


def pool_for(url: str, destinations: Destinations, **bounds: float) -> OriginPool:
    return OriginPool(url, destinations, "user_ada", **{"silence_s": 5.0, "most_bytes": 100, **bounds})  # type: ignore[arg-type]


async def test_a_name_is_looked_up_for_each_connection_and_reached_at_the_address_that_was_judged() -> None:
    names = Names(["127.0.0.1"])
    async with answering(OK) as (port, heard):
        url = f"http://shop.invalid:{port}/mcp"
        pool = pool_for(url, Destinations(LOOPBACK, names))
        assert await body(pool, url) == b"fine"
        await pool.close()
    assert names.asked == 1
    assert b"identity" in heard[0]
    assert b"gzip" not in heard[0]


async def test_a_name_that_leads_inside_the_next_time_is_refused_then() -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    async with answering(OK) as (port, _):
        url = f"http://shop.invalid:{port}/"
        pool = pool_for(url, Destinations(LOOPBACK, names))
        assert await body(pool, url) == b"fine"
        with pytest.raises(EgressRefused):
            await body(pool, url)
        await pool.close()


async def test_of_several_addresses_one_that_answers_is_enough() -> None:
    async with answering(OK) as (port, _):
        url = f"http://shop.invalid:{port}/"
        pool = pool_for(url, Destinations(LOOPBACK, Names(["127.0.0.1", "127.9.9.9"])))
        assert await body(pool, url) == b"fine"
        await pool.close()


@pytest.mark.parametrize(
    "other", ["https://shop.invalid:{}/", "http://shop.invalid:1/", "http://other.invalid:{}/", "ftp://x/"]
)
async def test_no_other_origin_is_reached(other: str) -> None:
    async with answering(OK) as (port, heard):
        pool = pool_for(f"http://shop.invalid:{port}/", Destinations(LOOPBACK, Names(["127.0.0.1"])))
        with pytest.raises(NotConnected, match="another host"):
            await body(pool, other.format(port))
        await pool.close()
    assert heard == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + b"x" * 200, "more than 100 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nx", "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", "compressed"),
        (b"no http\r\n\r\n", "did not answer"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000, "did not answer"),
        (b"", "did not answer"),
    ],
)
async def test_an_answer_that_is_too_large_or_none_is_a_fault(answer: bytes, words: str) -> None:
    async with answering(answer) as (port, _):
        url = f"http://shop.invalid:{port}/"
        pool = pool_for(url, Destinations(LOOPBACK, Names(["127.0.0.1"])), silence_s=0.3)
        with pytest.raises(DependencyUnavailable, match=words):
            await body(pool, url)
        await pool.close()


async def test_nobody_there_is_told_apart_from_a_request_that_was_sent() -> None:
    pool = pool_for("http://127.0.0.1:1/", Destinations(LOOPBACK))
    with pytest.raises(NotConnected, match="cannot be reached"):
        await body(pool, "http://127.0.0.1:1/")
    await pool.close()
