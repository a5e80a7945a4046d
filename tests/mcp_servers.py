"""MCP servers on loopback for tests: an honest one of the SDK that keeps what reaches it, and a scripted one."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from mcp.server import MCPServer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from test_framework.waiting import until

App = Callable[[Any, Any, Any], Awaitable[None]]


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The origin of ``app`` on a free port."""
    place = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=1, ws="none")
    server = uvicorn.Server(config)
    task = asyncio.get_running_loop().create_task(server.serve(sockets=[place]))
    try:
        await until(lambda: server.started)
        yield f"http://127.0.0.1:{place.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        place.close()


class Witness:
    """An honest server. ``heads`` are the headers of all requests, ``bodies`` their parts, ``notes`` what was noted, in order;
    ``on_note`` gets each note before the answer is sent."""

    def __init__(self, on_note: Callable[[str], None] = lambda _: None, **options: Any) -> None:
        self.heads: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.notes: list[str] = []
        server: Any = MCPServer("witness")

        async def note(text: str) -> str:
            """Write something down."""
            self.notes.append(text)
            on_note(text)
            return f"noted {text}"

        async def refuse(why: str) -> str:
            """Fail."""
            raise ValueError(why)

        async def count() -> dict[str, int]:
            """How many notes there are."""
            return {"notes": len(self.notes)}

        for tool in (note, refuse, count):
            server.add_tool(tool)
        self._app = server.streamable_http_app(**options)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.heads.append({name.decode(): value.decode() for name, value in scope["headers"]})

            async def kept() -> Any:
                message = await receive()
                self.bodies.append(message.get("body", b""))
                return message

            await self._app(scope, kept, send)
        else:
            await self._app(scope, receive, send)


TOOL = {"name": "act", "description": "Acts.", "inputSchema": {"type": "object", "properties": {}}}


def answering(**answers: Any) -> Starlette:
    """A server of the handshake era. ``answers`` are results by methods (``tools_call`` is ``tools/call``), or async functions of
    the message and the request that return a result or a ``Response``."""
    told: dict[str, Any] = {
        "initialize": {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}, "sampling": {}},
            "serverInfo": {"name": "told", "version": "1"},
        },
        "tools/list": {"tools": [TOOL]},
        "tools/call": {"content": [{"type": "text", "text": "done"}]},
        **{name.replace("_", "/"): answer for name, answer in answers.items()},
    }

    async def handle(request: Request) -> Response:
        if request.method != "POST":
            return Response(status_code=405)
        message = json.loads(await request.body())
        if "id" not in message:
            return Response(status_code=202)
        answer = told.get(message["method"])
        if callable(answer):
            answer = await answer(message, request)
        if isinstance(answer, Response):
            return answer
        if answer is None:
            error = {"code": -32601, "message": "Method not found"}
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": error})
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": answer})

    return Starlette(routes=[Route("/mcp", handle, methods=["GET", "POST", "DELETE"])])
