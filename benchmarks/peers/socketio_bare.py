"""python-socketio on uvicorn: a bare handler that emits six events. No identity, no log."""

from __future__ import annotations

import sys
from typing import Any

import socketio
import uvicorn
from golden_events import EVENTS

server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")


@server.on("execute_agent")
async def execute_agent(sid: str, request: dict[str, Any]) -> None:
    for event in EVENTS:
        await server.emit("event", event, to=sid)


if __name__ == "__main__":
    uvicorn.run(
        socketio.ASGIApp(server),
        port=int(sys.argv[1]),
        loop="uvloop",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_level="warning",
        backlog=4096,
    )
