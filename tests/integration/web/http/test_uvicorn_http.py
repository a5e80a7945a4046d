"""Bounds on heads and patience, over raw sockets."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from netra_backend.app.core.limits import Limits
from netra_backend.app.web.http import uvicorn_http
from test_framework.served import Serve, Served

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
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: " + b"a" * (Limits().head_bytes + 1))
        return bytes(await reader.read())

    assert (await dialogue(served, talk)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(("more", "status"), [(-2, 200), (-1, 200), (0, 431), (5_000, 431)])
async def test_headers_are_counted_however_short_they_are(served: Served, more: int, status: int) -> None:
    async def talk(reader: Any, writer: Any) -> bytes:
        count = Limits().head_fields + more
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + b"a:\r\n" * count + b"\r\n")
        return bytes(await reader.readline())

    assert (await dialogue(served, talk)).startswith(b"HTTP/1.1 %d " % status)


async def test_a_head_of_too_many_headers_is_refused_before_it_has_ended(served: Served) -> None:
    async def talk(reader: Any, writer: Any) -> bytes:
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + b"a:\r\n" * 200)
        return bytes(await reader.read())

    assert (await dialogue(served, talk)).startswith(b"HTTP/1.1 431 ")


async def test_a_large_body_behind_a_small_head_is_not_taken_for_a_head(served: Served) -> None:
    async def talk(reader: Any, writer: Any) -> bytes:
        body = b"x" * (Limits().head_bytes * 2)
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
async def test_who_does_not_end_a_head_in_time_is_cut_off(serve_with: Serve, said: bytes) -> None:

    async def talk(reader: Any, writer: Any) -> bytes:
        writer.write(said)
        try:
            return bytes(await reader.read())
        except ConnectionError:
            return b""

    async with serve_with(limits=Limits(head_s=0.05)) as served:
        assert await dialogue(served, talk) == b""


async def test_a_second_head_has_its_time_as_well(serve_with: Serve) -> None:
    async def talk(reader: Any, writer: Any) -> bytes:
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b'{"status":"ok"}')
        writer.write(b"GET /healthz HTTP/1.1\r\nhost:")
        try:
            return bytes(await reader.read())
        except ConnectionError:
            return b""

    async with serve_with(limits=Limits(head_s=0.5)) as served:
        assert await dialogue(served, talk) == b""


async def test_who_goes_on_sending_what_was_refused_is_cut_off(serve_with: Serve) -> None:
    async def talk(reader: Any, writer: Any) -> bytes:
        writer.write(b"POST /api/tickets HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nx")
        status = bytes(await reader.readline())
        try:
            await reader.read()
        except ConnectionError:
            return status
        return status

    async with serve_with(limits=Limits(linger_s=0.05)) as served:
        assert (await dialogue(served, talk)).startswith(b"HTTP/1.1 401 ")


async def test_a_body_that_ends_after_its_answer_leaves_the_connection_open(served: Served) -> None:
    async def talk(reader: Any, writer: Any) -> bytes:
        writer.write(b"POST /api/tickets HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nx")
        await reader.readuntil(b'"retryable":false}')
        writer.write(b"xGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        return bytes(await reader.readuntil(b'{"status":"ok"}'))

    assert b"HTTP/1.1 200 " in await dialogue(served, talk)


async def test_a_reader_who_takes_nothing_is_cut_off(serve_with: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
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

    async with serve_with(limits=Limits(stall_s=0.05, pipelined_requests=1000)) as served:
        assert await dialogue(served, talk) == b"cut off"


@pytest.mark.validation_point("http.head_size")
@pytest.mark.parametrize("upgrade", [b"", b"upgrade: websocket\r\nconnection: upgrade\r\n"])
@pytest.mark.parametrize("filler", [b"a", b" ", b"\t"])
async def test_a_head_that_comes_at_once_is_bounded_to_the_byte(served: Served, upgrade: bytes, filler: bytes) -> None:
    for over, status in ((0, b"404" if not upgrade else b"400"), (40, b"431")):
        begun = b"GET /x HTTP/1.1\r\nhost: x\r\n" + upgrade + b"x-long: "
        head = begun + filler * (Limits().head_bytes - len(begun) - 4 + over) + b"\r\n\r\n"

        async def talk(reader: Any, writer: Any, head: bytes = head) -> bytes:
            writer.write(head)
            return bytes(await reader.readline())

        assert (await dialogue(served, talk)).startswith(b"HTTP/1.1 " + status)


@pytest.mark.validation_point("http.host")
@pytest.mark.parametrize("upgrade", [b"", b"upgrade: websocket\r\nconnection: upgrade\r\n"])
@pytest.mark.parametrize("hosts", [b"", b"host: a\r\nHost: b\r\n", b"host:\r\n"])
async def test_a_request_that_does_not_name_one_host_is_refused(served: Served, hosts: bytes, upgrade: bytes) -> None:
    async def talk(reader: Any, writer: Any) -> bytes:
        body = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
        writer.write(b"GET /healthz HTTP/1.1\r\n" + hosts + upgrade + b"\r\n" + body)
        return bytes(await reader.read())

    answer = await dialogue(served, talk)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


HANDSHAKE = {
    b"upgrade": b"websocket",
    b"connection": b"upgrade",
    b"sec-websocket-key": b"AAAAAAAAAAAAAAAAAAAAAA==",
    b"sec-websocket-version": b"13",
    b"sec-websocket-protocol": b"netra.v1",
    b"sec-websocket-extensions": b"permessage-deflate",
    b"origin": b"null",
    b"x-name": b"a",
}


@pytest.mark.validation_point("http.handshake")
@pytest.mark.parametrize("changed", [*HANDSHAKE, b"host", b"path", b"query"])
async def test_a_handshake_of_bytes_that_are_no_ascii_is_answered_and_logs_no_error(
    served: Served, changed: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    strange = b"\xff\xe2\x80\xa8"
    fields = {b"host": b"x", **HANDSHAKE}
    if changed in fields:
        fields[changed] += b", " + strange
    place = {b"path": b"/ws/" + strange, b"query": b"/ws/u?a=" + strange}.get(changed, b"/ws/u")
    head = b"GET " + place + b" HTTP/1.1\r\n" + b"".join(b"%s: %s\r\n" % field for field in fields.items())

    async def talk(reader: Any, writer: Any) -> bytes:
        writer.write(head + b"\r\n")
        return bytes(await reader.readline())

    answer = await dialogue(served, talk)
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 101 ")), answer
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_where_there_is_no_room_the_oldest_stranger_is_told_when_to_come_back(serve_with: Serve) -> None:
    async with serve_with(limits=Limits(anonymous_connections=2)) as served, contextlib.AsyncExitStack() as stack:
        pairs = []
        for _ in range(3):
            pairs.append(await asyncio.open_connection("127.0.0.1", served.port))
            stack.callback(pairs[-1][1].close)
        async with asyncio.timeout(PATIENCE_S):
            answer = await pairs[0][0].read()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1" in answer
        pairs[2][1].write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            assert await pairs[2][0].readuntil(b'{"status":"ok"}')


async def test_a_user_whose_answer_has_left_holds_no_room_until_the_next_request(serve_with: Serve) -> None:
    async with serve_with(limits=Limits(anonymous_connections=1)) as served, contextlib.AsyncExitStack() as stack:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        stack.callback(writer.close)
        request = f"GET /api/me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {served.user().token}\r\n\r\n"
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(2):
                writer.write(request.encode())
                assert await reader.readuntil(b"}")
            _, other = await asyncio.open_connection("127.0.0.1", served.port)
            stack.callback(other.close)
            assert b"HTTP/1.1 503 " in await reader.read()


@pytest.mark.validation_point("limit.open_requests")
async def test_one_user_has_so_many_requests_open_and_others_are_served(serve_with: Serve) -> None:
    async with serve_with(limits=Limits(user_requests=2)) as served, contextlib.AsyncExitStack() as stack:
        user, other = served.user(), served.user()
        head = f"POST /api/tickets HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {user.token}\r\n"
        quota = served.runtime.quotas.of(user.id, served.runtime.clock.monotonic())

        def are_open(count: int) -> bool:
            return quota.requests == count

        writers = []
        for count in (1, 2):
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            stack.callback(writer.close)
            writers.append(writer)
            writer.write(head.encode() + b"content-length: 16000\r\n\r\n{")
            await served.until(partial(are_open, count))
        async with served.http(user) as http, served.http(other) as others:
            refused = await http.get("/api/me")
            assert (refused.status_code, refused.json()["error"]) == (429, "rate_limited")
            assert refused.headers["retry-after"] == "1"
            assert (await others.get("/api/me")).status_code == 200
            writers[0].close()
            await served.until(lambda: quota.requests == 1)
            for _ in range(3):
                assert (await http.get("/api/me")).status_code == 200


@pytest.mark.validation_point("http.pipeline")
async def test_requests_that_come_without_end_before_an_answer_are_refused(served: Served) -> None:
    async def talk(reader: Any, writer: Any) -> bytes:
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n" * 200)
        return bytes(await reader.read())

    answers = await dialogue(served, talk)
    assert answers.count(b"HTTP/1.1 200 ") < 200
    assert answers.count(b"HTTP/1.1 400 ") == 1


async def test_some_requests_may_come_before_an_answer(served: Served) -> None:
    async def talk(reader: Any, writer: Any) -> bytes:
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n" * Limits().pipelined_requests)
        return b"".join([await reader.readuntil(b'{"status":"ok"}') for _ in range(Limits().pipelined_requests)])

    assert (await dialogue(served, talk)).count(b"HTTP/1.1 200 ") == Limits().pipelined_requests


async def test_a_body_of_many_small_chunks_holds_nobody_up_and_is_taken_whole(served: Served) -> None:
    user = served.user()
    body = b'{"title":"' + b"t" * 60 + b'"}'
    chunked = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"

    async def talk(reader: Any, writer: Any) -> bytes:
        head = f"PATCH /api/threads/thr_none HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {user.token}\r\n"
        request = head.encode() + b"transfer-encoding: chunked\r\n\r\n" + chunked
        writer.write(request * 20)
        return b"".join([await reader.readuntil(b'"not_found"') for _ in range(20)])

    assert (await dialogue(served, talk)).count(b"HTTP/1.1 404 ") == 20


async def test_a_chunked_body_that_goes_on_after_its_answer_is_thrown_away_and_cut_off(serve_with: Serve) -> None:
    async def talk(reader: Any, writer: Any) -> bytes:
        writer.write(b"POST /api/usage/datasets HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        status = bytes(await reader.readline())
        writer.write(b"1\r\nx\r\n" * 100_000)
        try:
            await reader.read()
        except ConnectionError:
            return status
        return status

    async with serve_with(limits=Limits(linger_s=0.2)) as served:
        assert (await dialogue(served, talk)).startswith(b"HTTP/1.1 401 ")
