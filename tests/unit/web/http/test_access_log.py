"""The access log: a line when a request or a socket has ended, without query strings and tokens, and nothing if it is off."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from starlette.responses import Response, StreamingResponse

from netra_backend.app.adapters.process.json_logs import JsonHandler
from netra_backend.app.web.http.access_log import USER, AccessLog, SocketEnd
from test_framework.clock import ManualClock

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The access log as a server writes it, at the level ``info``."""
    logger, stream = logging.getLogger("netra.access"), io.StringIO()
    handler = JsonHandler(stream)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def http(clock: ManualClock, **headers: str) -> httpx.AsyncClient:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        clock.advance(s=0.25)
        if scope["path"] == "/mine":
            scope[USER] = "ada"
        if scope["path"] == "/broken":
            raise RuntimeError("the application failed")
        answer = StreamingResponse(iter(["many ", "parts"])) if scope["path"] == "/parts" else Response("four", 201)
        await answer(scope, receive, send)

    application = AccessLog(inner, clock, lambda kind: f"{kind}_1", ())
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(cast("Any", application)), base_url="http://netra.example", headers=headers
    )


async def test_a_request_is_one_line_with_what_an_operator_looks_for(log: io.StringIO, clock: ManualClock) -> None:
    async with http(clock) as client:
        answer = await client.post("/mine")
    (line,) = lines(log)
    assert line.pop("ts")
    assert line == {
        "level": "info",
        "logger": "netra.access",
        "event": "request",
        "method": "POST",
        "path": "/mine",
        "status": 201,
        "duration_ms": 250.0,
        "bytes": 4,
        "user_id": "ada",
        "request_id": "req_1",
        "client": "127.0.0.1",
    }
    assert answer.headers["x-request-id"] == "req_1"


async def test_nobody_is_named_who_is_not_signed_in_and_all_parts_of_an_answer_count(
    log: io.StringIO, clock: ManualClock
) -> None:
    async with http(clock) as client:
        await client.get("/parts")
        await client.head("/parts")
    assert [(line["user_id"], line["bytes"]) for line in lines(log)] == [(None, 10), (None, 0)]


async def test_no_query_string_and_no_token_reaches_a_line(log: io.StringIO, clock: ManualClock) -> None:
    async with http(clock, Authorization=f"Bearer {JWT}") as client:
        await client.get(f"/x/{JWT}?ticket=secret-ticket&q=private")
    assert lines(log)[0]["path"] == "/x/***"
    assert not any(word in log.getvalue() for word in (JWT, "secret-ticket", "private"))


async def test_a_long_path_is_cut_and_a_line_break_in_it_makes_no_line(log: io.StringIO, clock: ManualClock) -> None:
    async with http(clock) as client:
        await client.get("/a%0Ab" + "x" * 5000)
    (line,) = lines(log)
    assert line["path"].startswith("/a\nbxxx")
    assert len(line["path"]) == 512


async def test_a_request_that_has_no_answer_is_logged_without_a_status(log: io.StringIO, clock: ManualClock) -> None:
    async with http(clock) as client:
        with pytest.raises(RuntimeError):
            await client.get("/broken")
    assert [line["status"] for line in lines(log)] == [None]


async def test_above_info_nothing_is_logged_and_nothing_is_added(log: io.StringIO, clock: ManualClock) -> None:
    logging.getLogger("netra.access").setLevel(logging.WARNING)
    async with http(clock) as client:
        answer = await client.get("/x")
    SocketEnd(clock).log({"path": "/ws/ada"}, str, ())
    assert log.getvalue() == ""
    assert "x-request-id" not in answer.headers


async def test_a_socket_is_one_line_when_it_ends(log: io.StringIO, clock: ManualClock) -> None:
    end = SocketEnd(clock)
    clock.advance(s=90)
    end.sent, end.user_id, end.close_code = 2048, "ada", 1001
    scope = {"path": "/ws/ada", "query_string": b"ticket=secret", "headers": [], "client": ("127.0.0.1", 5)}
    end.log(scope, lambda kind: f"{kind}_2", ())
    (line,) = lines(log)
    assert {name: line[name] for name in line if name not in ("ts", "level", "logger")} == {
        "event": "websocket ended",
        "method": "GET",
        "path": "/ws/ada",
        "status": 101,
        "duration_ms": 90_000.0,
        "bytes": 2048,
        "user_id": "ada",
        "request_id": "req_2",
        "close_code": 1001,
        "client": "127.0.0.1",
    }
