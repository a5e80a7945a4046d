"""Server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from netra_backend.app.web.doors.event_stream import COMMENT, EventStream, data


def test_an_event_is_one_line_whatever_its_texts_are() -> None:
    assert data({"text": "a\nb\r\n\u2028c"}) == b'data: {"text":"a\\nb\\r\\n\xe2\x80\xa8c"}\n\n'
    assert COMMENT.startswith(b":")


async def test_a_stream_is_kept_by_nobody_and_its_end_is_told() -> None:
    ended: list[str] = []
    sent: list[dict[str, Any]] = []

    async def parts() -> AsyncGenerator[bytes, None]:
        yield data(1)
        yield COMMENT

    async def receive() -> dict[str, Any]:
        raise AssertionError("nothing is read")

    async def send(message: Any) -> None:
        sent.append(message)

    response = EventStream(parts(), lambda: ended.append("closed"), {"x-more": "1"})
    scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
    await response(scope, receive, send)
    headers = dict(sent[0]["headers"])
    assert headers[b"content-type"] == b"text/event-stream"
    assert headers[b"x-more"] == b"1"
    assert (headers[b"cache-control"], headers[b"x-accel-buffering"]) == (b"no-cache", b"no")
    assert b"".join(message["body"] for message in sent[1:]) == b"data: 1\n\n:\n\n"
    assert ended == ["closed"]


async def test_who_leaves_ends_what_was_coming() -> None:
    ended: list[str] = []
    gone = asyncio.Event()

    async def parts() -> AsyncGenerator[bytes, None]:
        try:
            yield data(1)
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("generator")

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message.get("body"):
            gone.set()

    response = EventStream(parts(), lambda: ended.append("closed"), {})
    await response({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send)
    assert ended == ["generator", "closed"]
