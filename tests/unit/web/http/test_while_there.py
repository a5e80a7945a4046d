"""Work for a client ends when the client leaves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from netra_backend.app.web.http.while_there import while_there


def request(left: asyncio.Event) -> Request:
    told = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if told:
            return told.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    return Request({"type": "http", "method": "GET", "path": "/", "headers": []}, receive)


async def test_work_that_is_done_is_returned() -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    assert await while_there(request(asyncio.Event()), work()) == "done"


async def test_what_it_raises_is_raised() -> None:
    async def work() -> str:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await while_there(request(asyncio.Event()), work())


@pytest.mark.parametrize("who", ["client", "server"])
async def test_it_is_cancelled_if_the_client_leaves_or_the_request_is(who: str) -> None:
    left, begun, ended = asyncio.Event(), asyncio.Event(), list[str]()

    async def work() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")
        return ""

    task = asyncio.create_task(while_there(request(left), work()))
    await begun.wait()
    if who == "client":
        left.set()
    else:
        task.cancel()
    with pytest.raises(ClientDisconnect if who == "client" else asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert ended == ["work"]
