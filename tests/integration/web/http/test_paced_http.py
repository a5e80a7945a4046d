"""A connection over which too much was asked rests: it is not read, and nothing of it begins, also what was pipelined."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from netra_backend.app.core.limits import Limits
from test_framework.served import Serve, Served
from test_framework.users import TestUser

pytestmark = pytest.mark.asyncio(loop_scope="module")

STRICT = Limits(anonymous_answer_rate=0.01, anonymous_answer_burst=1, request_rate=0.01, request_burst=1, rest_s=600)
"""Who has asked too much rests for longer than any test takes."""

LENIENT = Limits(anonymous_answer_rate=100, anonymous_answer_burst=1)
"""The same, for a hundredth of a second."""

HEALTH = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
HANDSHAKE = (
    b"GET /ws/user_1 HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
)
PING = b"\x89\x80\0\0\0\0"
PONG = b"\x8a\x00"


class Line:
    """A connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def ask(self, user: TestUser | None = None) -> None:
        bearer = b"" if user is None else b"authorization: Bearer " + user.token.encode() + b"\r\n"
        self.send(b"GET /api/me HTTP/1.1\r\nhost: x\r\n" + bearer + b"\r\n")

    async def is_upgraded(self) -> None:
        async with asyncio.timeout(10):
            assert (await self.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            self.send(PING)
            assert await self.reader.readexactly(len(PONG)) == PONG

    async def status(self) -> int:
        """Of the next answer, which is read whole."""
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
            await self.reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        return int(head.split()[1])


@asynccontextmanager
async def lines(served: Served, count: int) -> AsyncIterator[list[Line]]:
    async with AsyncExitStack() as stack:
        opened = [Line(*await asyncio.open_connection("127.0.0.1", served.port)) for _ in range(count)]
        for line in opened:
            stack.callback(line.writer.close)
        yield opened


async def rest(served: Served, *resting: Line) -> None:
    """What was asked over these is not answered while others, who asked later, are."""
    answers = [asyncio.create_task(line.status()) for line in resting]
    async with lines(served, 1) as (other,):
        user = served.user()
        for status in (200, 429):
            other.ask(user)
            assert await other.status() == status
    assert not any(answer.done() for answer in answers)
    for answer in answers:
        answer.cancel()


async def test_of_strangers_who_were_answered_too_much_nothing_is_read(serve_with: Serve) -> None:
    async with serve_with(limits=STRICT) as served, lines(served, 2) as (line, pipelined):
        for _ in range(2):
            line.send(HEALTH)
            assert await line.status() == 200  # a health check is never refused
        line.send(HEALTH)
        pipelined.send(HEALTH * 2)
        assert await pipelined.status() == 200
        await rest(served, line, pipelined)


@pytest.mark.parametrize("strange", [HANDSHAKE.replace(b"13", b"12"), HEALTH.replace(b"host", b"name")])
async def test_heads_that_are_refused_count_as_answers_and_the_next_refusal_waits(
    serve_with: Serve, strange: bytes
) -> None:
    async with serve_with(limits=STRICT) as served, lines(served, 2) as (first, second):
        first.send(strange)
        assert await first.status() == 400
        second.send(strange)
        await rest(served, second)


async def test_a_refusal_that_has_waited_is_said(serve_with: Serve) -> None:
    async with serve_with(limits=LENIENT) as served, lines(served, 4) as opened:
        for line in opened:
            line.send(HANDSHAKE.replace(b"13", b"12"))
        assert [await line.status() for line in opened] == [400] * 4


async def test_of_a_user_who_was_refused_for_rate_nothing_is_read(serve_with: Serve) -> None:
    async with serve_with(limits=STRICT) as served, lines(served, 2) as (line, pipelined):
        user = served.user()
        for status in (200, 429):
            line.ask(user)
            assert await line.status() == status
        line.ask(user)
        pipelined.ask(user)
        pipelined.ask(user)
        assert await pipelined.status() == 429
        await rest(served, line, pipelined)


async def test_a_connection_that_has_rested_goes_on_where_it_was(serve_with: Serve) -> None:
    async with serve_with(limits=LENIENT) as served, lines(served, 1) as (line,):
        for at_once in (1, 1, 3, 1):
            line.send(HEALTH * at_once)
            assert [await line.status() for _ in range(at_once)] == [200] * at_once


async def test_a_body_whose_request_was_refused_is_heard_before_the_connection_rests(serve_with: Serve) -> None:
    async with serve_with(limits=LENIENT) as served, lines(served, 1) as (line,):
        for _ in range(2):
            line.send(b"POST /api/tickets HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nx")
            assert await line.status() == 401
            line.send(b"x" + HEALTH)
            assert await line.status() == 200


async def test_a_handshake_after_a_rest_is_served(serve_with: Serve) -> None:
    async with serve_with(limits=LENIENT) as served, lines(served, 1) as (line,):
        line.send(HEALTH * 2)
        assert [await line.status() for _ in range(2)] == [200, 200]
        line.send(HANDSHAKE)
        await line.is_upgraded()


async def test_a_connection_that_rests_does_not_delay_the_end_of_the_server(serve_with: Serve) -> None:
    async with AsyncExitStack() as stack:
        async with serve_with(limits=STRICT) as served:
            (line,) = await stack.enter_async_context(lines(served, 1))
            line.send(HEALTH * 3)
            assert [await line.status() for _ in range(2)] == [200, 200]
        async with asyncio.timeout(10):
            assert await line.reader.read() == b""


async def test_a_refusal_that_waits_does_not_delay_the_end_of_the_server(serve_with: Serve) -> None:
    async with AsyncExitStack() as stack:
        async with serve_with(limits=STRICT) as served:
            first, second = await stack.enter_async_context(lines(served, 2))
            for line in (first, second):
                line.send(HEALTH.replace(b"host", b"name"))
            assert await first.status() == 400
        async with asyncio.timeout(10):
            assert await second.reader.read() == b""


async def test_requests_and_handshakes_that_wait_for_their_turn_are_all_served(serve_with: Serve) -> None:
    async with serve_with(limits=Limits(requests_a_turn=1)) as served, lines(served, 40) as opened:
        for at, line in enumerate(opened):
            line.send(HANDSHAKE if at % 4 == 0 else HEALTH)
        for line in opened[5::4]:
            line.writer.transport.abort()
        for at, line in enumerate(opened):
            if at % 4 == 0:
                await line.is_upgraded()
            elif at % 4 > 1:
                assert await line.status() == 200
