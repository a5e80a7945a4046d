"""Bounds on heads and patience, over raw sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netra_backend.app.web.http import uvicorn_http
from test_framework.served import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE_S = 10.0


async def dialogue(served: Served, talk: Callable[[Any, Any], Awaitable[bytes]]) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await talk(reader, writer)
    finally:
        writer.close()


async def test_a_head_that_is_too_large_is_refused_before_it_has_ended(served: Served) -> None:
    async def talk(reader: Any, writer: Any) -> bytes:
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: " + b"a" * (uvicorn_http.HEAD_BYTES + 1))
        return bytes(await reader.read())

    assert (await dialogue(served, talk)).startswith(b"HTTP/1.1 431 ")


async def test_a_large_body_behind_a_small_head_is_not_taken_for_a_head(served: Served) -> None:
    async def talk(reader: Any, writer: Any) -> bytes:
        body = b"x" * (uvicorn_http.HEAD_BYTES * 2)
        writer.write(b"POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        return bytes(await reader.readline())

    assert (await dialogue(served, talk)).startswith(b"HTTP/1.1 405 ")


async def test_every_request_of_a_connection_has_the_bound_to_itself(served: Served) -> None:
    async def talk(reader: Any, writer: Any) -> bytes:
        request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: " + b"a" * 20_000 + b"\r\n\r\n"
        answers = b""
        for _ in range(3):
            writer.write(request)
            answers += await reader.readuntil(b'{"status":"ok"}')
        return answers

    assert (await dialogue(served, talk)).count(b"HTTP/1.1 200 ") == 3


@pytest.mark.parametrize("said", [b"", b"GET /healthz HTTP/1.1\r\nhost:"])
async def test_who_does_not_end_a_head_in_time_is_cut_off(
    served: Served, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(uvicorn_http, "HEAD_S", 0.05)

    async def talk(reader: Any, writer: Any) -> bytes:
        writer.write(said)
        try:
            return bytes(await reader.read())
        except ConnectionError:
            return b""

    assert await dialogue(served, talk) == b""


async def test_a_second_head_has_its_time_as_well(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(reader: Any, writer: Any) -> bytes:
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b'{"status":"ok"}')
        monkeypatch.setattr(uvicorn_http, "HEAD_S", 0.05)
        writer.write(b"GET /healthz HTTP/1.1\r\nhost:")
        try:
            return bytes(await reader.read())
        except ConnectionError:
            return b""

    assert await dialogue(served, talk) == b""


async def test_who_goes_on_sending_what_was_refused_is_cut_off(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn_http, "LINGER_S", 0.05)

    async def talk(reader: Any, writer: Any) -> bytes:
        writer.write(b"POST /api/tickets HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nx")
        status = bytes(await reader.readline())
        try:
            await reader.read()
        except ConnectionError:
            return status
        return status

    assert (await dialogue(served, talk)).startswith(b"HTTP/1.1 401 ")


async def test_a_body_that_ends_after_its_answer_leaves_the_connection_open(served: Served) -> None:
    async def talk(reader: Any, writer: Any) -> bytes:
        writer.write(b"POST /api/tickets HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nx")
        await reader.readuntil(b'"retryable":false}')
        writer.write(b"xGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        return bytes(await reader.readuntil(b'{"status":"ok"}'))

    assert b"HTTP/1.1 200 " in await dialogue(served, talk)


async def test_a_reader_who_takes_nothing_is_cut_off(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn_http, "STALL_S", 0.05)
    lost: dict[int, asyncio.Event] = {}
    gone = uvicorn_http.BoundedHttpProtocol.connection_lost

    def noticed(self: Any, exc: Exception | None) -> None:
        gone(self, exc)
        lost.setdefault(self.client[1], asyncio.Event()).set()

    monkeypatch.setattr(uvicorn_http.BoundedHttpProtocol, "connection_lost", noticed)

    async def talk(_: Any, writer: Any) -> bytes:
        writer.transport.pause_reading()
        writer.write(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n" * 400)
        port = writer.get_extra_info("sockname")[1]
        await lost.setdefault(port, asyncio.Event()).wait()
        return b"cut off"

    assert await dialogue(served, talk) == b"cut off"
