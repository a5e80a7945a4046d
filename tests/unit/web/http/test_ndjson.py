"""An answer in lines is closed however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from netra_backend.app.web.http.ndjson import NdjsonResponse

SCOPE = {"type": "http", "asgi": {"spec_version": "2.3"}}


class Told:
    """The lines of an answer, and how it ended."""

    def __init__(self, *lines: bytes, endless: bool = False) -> None:
        self.closed = asyncio.Event()
        self.ended = 0
        self._lines = lines
        self._endless = endless

    async def lines(self) -> AsyncGenerator[bytes, None]:
        try:
            for line in self._lines:
                yield line
            if self._endless:
                await asyncio.get_running_loop().create_future()
        finally:
            self.closed.set()

    def end(self) -> None:
        self.ended += 1


async def never() -> Any:
    await asyncio.get_running_loop().create_future()


async def test_lines_are_sent_as_they_come_and_the_end_is_told_once() -> None:
    told, sent = Told(b"a\n", b"b\n"), []

    async def send(message: Any) -> None:
        sent.append(message)

    await NdjsonResponse(told.lines(), told.end, file_name="x.ndjson")(SCOPE, never, send)
    headers = dict(sent[0]["headers"])
    assert headers[b"content-type"] == b"application/x-ndjson"
    assert headers[b"content-disposition"] == b'attachment; filename="x.ndjson"'
    assert b"".join(message["body"] for message in sent[1:]) == b"a\nb\n"
    assert (told.closed.is_set(), told.ended) == (True, 1)


async def test_a_client_that_goes_away_ends_it() -> None:
    told = Told(b"a\n", endless=True)
    gone = asyncio.Event()

    async def receive() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message.get("body"):
            gone.set()

    await NdjsonResponse(told.lines(), told.end)(SCOPE, receive, send)
    assert (told.closed.is_set(), told.ended) == (True, 1)


async def test_an_answer_that_never_began_is_ended_as_well() -> None:
    told = Told(b"a\n")

    async def send(_: Any) -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await NdjsonResponse(told.lines(), told.end)(SCOPE, never, send)
    assert told.ended == 1
