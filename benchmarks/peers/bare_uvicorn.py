"""The yardstick: uvicorn's ``websockets-sansio`` doing no work. Six constant frames for each that comes in."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from golden_events import TEXTS

FRAMES = [{"type": "websocket.send", "text": text} for text in TEXTS]


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] == "websocket.receive":
        for frame in FRAMES:
            await send(frame)


if __name__ == "__main__":
    uvicorn.run(
        application,
        port=int(sys.argv[1]),
        loop="uvloop",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="warning",
        backlog=4096,
    )
