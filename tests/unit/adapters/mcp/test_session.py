"""Sessions with MCP servers over real sockets: honest ones of both eras, and such as are down, slow, flood or lie."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from netra_backend.app.adapters.mcp.client import SdkClient
from netra_backend.app.core.errors import EgressRefused, ToolError
from netra_backend.app.core.limits import USUAL, Limits
from netra_backend.app.mcp_ports import Credential, McpServer, McpSession
from test_framework.waiting import until
from tests.mcp_servers import TOOL, Witness, answering, served

LIMITS = replace(USUAL, mcp_open_s=2.0, tool_s=1.0, mcp_answer_bytes=65_536, mcp_result_bytes=1_024)
LOOPBACK = (ip_network("127.0.0.0/8"),)


def at(url: str, **more: Any) -> McpServer:
    return McpServer("user_ada", "mcp_1", "shop", url, **more)


def credential_of(server: McpServer) -> Credential:
    async def credential(_: Any) -> str:
        return server.credential

    return credential


@asynccontextmanager
async def session_with(app: Any, limits: Limits = LIMITS, **more: Any) -> AsyncIterator[McpSession]:
    client = SdkClient(LOOPBACK, limits)
    async with served(app) as origin:
        server = at(f"{origin}/mcp", **more)
        session = await client.open(server, credential_of(server))
        try:
            yield session
        finally:
            client.closing(session)
            await client.close()


@pytest.mark.parametrize("options", [{}, {"stateless_http": True}, {"json_response": True}])
async def test_tools_of_an_honest_server_are_listed_and_called(options: dict[str, Any]) -> None:
    witness = Witness(**options)
    async with session_with(witness, header="X-Key", credential="canary") as session:
        assert [each.name for each in await session.tools(9)] == ["note", "refuse", "count"]
        assert [each.name for each in await session.tools(1)] == ["note"]
        assert await session.call("note", {"text": "one"}) == "noted one"
        assert await session.call("count", {}) == {"notes": 1}
        with pytest.raises(ToolError, match="The server says: Error executing tool refuse") as fault:
            await session.call("refuse", {"why": "why not"})
        assert fault.value.code == "MCP_TOOL_FAILED"
        with pytest.raises(ToolError):
            await session.call("absent", {})
    assert witness.notes == ["one"]
    assert {head.get("x-key") for head in witness.heads} == {"canary"}
    assert all("authorization" not in head and "cookie" not in head for head in witness.heads)


async def test_nothing_is_offered_to_a_server_but_to_have_its_tools_called() -> None:
    asked: list[Any] = []

    async def initialize(message: Any, _: Any) -> Any:
        asked.append(message["params"])
        return {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "a", "version": "1"},
        }

    async with session_with(answering(initialize=initialize)) as session:
        assert await session.call("act", {}) == "done"
    assert [each["capabilities"] for each in asked] == [{}]
    assert asked[0]["clientInfo"]["name"] == "netra-server"


async def test_a_session_of_the_handshake_era_is_ended_at_the_server() -> None:
    witness = Witness()
    async with session_with(witness) as session:
        await session.call("note", {"text": "one"})
    ids = {head["mcp-session-id"] for head in witness.heads if "mcp-session-id" in head}
    assert len(ids) <= 1


async def test_a_server_that_is_down_is_told_and_nothing_was_sent() -> None:
    client = SdkClient(LOOPBACK, LIMITS)
    with pytest.raises(ToolError, match="cannot be used") as fault:
        await client.open(at("http://127.0.0.1:1/mcp"), credential_of(at("")))
    assert fault.value.code == "MCP_UNREACHABLE"
    await client.close()


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/mcp", "https://169.254.169.254/mcp", "http://localhost/mcp"])
async def test_an_address_that_is_not_public_is_not_called(url: str) -> None:
    client = SdkClient((), LIMITS)
    with pytest.raises(EgressRefused):
        await client.open(at(url), credential_of(at(url)))
    await client.close()


async def test_a_server_that_does_not_answer_is_given_up() -> None:
    never = asyncio.Event()

    async def wait(*_: Any) -> Any:
        await never.wait()

    quick = replace(LIMITS, mcp_open_s=0.3, tool_s=0.3)
    with pytest.raises(ToolError) as fault:
        async with session_with(answering(initialize=wait, server_discover=wait), quick):
            raise AssertionError("it opened")
    never.set()
    assert fault.value.code == "MCP_UNREACHABLE"


@pytest.mark.parametrize(
    "answer", [Response("<html>", media_type="text/html"), JSONResponse({"no": "rpc"}), Response(status_code=500)]
)
async def test_what_does_not_speak_mcp_is_told(answer: Response) -> None:
    async def told(*_: Any) -> Any:
        return answer

    with pytest.raises(ToolError) as fault:
        async with session_with(answering(initialize=told, server_discover=told)):
            raise AssertionError("it opened")
    assert fault.value.code == "MCP_UNREACHABLE"


def sse(*events: Any, forever: bool = False) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        while True:
            for event in events:
                yield f"data: {json.dumps(event)}\n\n"
                await asyncio.sleep(0)  # else the server would never see that its client has left
            if not forever:
                return

    return StreamingResponse(lines(), media_type="text/event-stream")


NOTICE = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x" * 500}}


def flood(message: Any) -> Response:
    return sse(NOTICE, forever=True)


def large(message: Any) -> Response:
    result = {"content": [{"type": "text", "text": "x" * 10_000_000}]}
    return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": result})


def above_result(message: Any) -> Response:
    result = {"content": [{"type": "text", "text": "x" * 2_000}]}
    return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": result})


def no_result(message: Any) -> Response:
    return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": {"content": "no list"}})


def other_id(message: Any) -> Response:
    return sse({"jsonrpc": "2.0", "id": 99, "result": {"content": 7}})


def too_deep(message: Any) -> Response:
    body = b'{"jsonrpc":"2.0","id":%d,"result":' % message["id"] + b'{"a":' * 9_000 + b"1" + b"}" * 9_001
    return Response(body, media_type="application/json")


def cut(message: Any) -> Response:
    return sse(NOTICE)


def compressed(message: Any) -> Response:
    return Response(b"x", media_type="application/json", headers={"Content-Encoding": "gzip"})


def elsewhere(message: Any) -> Response:
    return RedirectResponse("https://127.0.0.2/mcp", 307)


def asks_back(message: Any) -> Response:
    params = {"messages": [], "maxTokens": 5}
    question = {"jsonrpc": "2.0", "id": 7, "method": "sampling/createMessage", "params": params}
    return sse(question, {"jsonrpc": "2.0", "id": message["id"], "result": {"content": []}})


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (flood, "MCP_ERROR"),
        (large, "MCP_ERROR"),
        (above_result, "RESULT_TOO_LARGE"),
        (no_result, "MCP_ERROR"),
        (other_id, "MCP_ERROR"),
        (too_deep, "MCP_ERROR"),
        (cut, "MCP_ERROR"),
        (compressed, "MCP_ERROR"),
        (elsewhere, "MCP_ERROR"),
    ],
)
async def test_what_a_server_does_wrong_in_a_call_is_an_error_of_that_call(answer: Any, code: str) -> None:
    async def call(message: Any, _: Any) -> Any:
        if message["params"]["name"] == "act":
            return answer(message)
        return {"content": [{"type": "text", "text": "fine"}]}

    async with session_with(answering(tools_call=call)) as session:
        with pytest.raises(ToolError) as fault:
            await asyncio.wait_for(session.call("act", {}), 20)
        assert fault.value.code == code
        assert "xxxxxxxx" not in fault.value.message
        assert await session.call("other", {}) == "fine"


async def test_a_server_that_asks_for_a_sample_gets_none() -> None:
    heard: list[Any] = []
    app = answering(tools_call=lambda message, _: _async(asks_back(message)))

    async def spying(scope: Any, receive: Any, send: Any) -> None:
        async def kept() -> Any:
            message = await receive()
            heard.append(message.get("body", b""))
            return message

        await app(scope, kept, send)

    async with session_with(spying) as session:
        assert await session.call("act", {}) == ""
        await until(lambda: any(b'"id":7' in body for body in heard))
    (told,) = [json.loads(body) for body in heard if b'"id":7' in body]
    assert "error" in told
    assert "result" not in told


async def _async(value: Any) -> Any:
    return value


async def test_pages_of_tools_without_end_are_cut() -> None:
    asked = 0

    async def page(message: Any, _: Any) -> Any:
        nonlocal asked
        asked += 1
        return {"tools": [{**TOOL, "name": f"t{asked}"}], "nextCursor": f"c{asked}"}

    async with session_with(answering(tools_list=page)) as session:
        assert len(await session.tools(1_000)) == 20
        assert len(await session.tools(3)) == 3
    assert asked == 23


async def test_a_result_that_is_more_than_text_says_what_there_was() -> None:
    content = [
        {"type": "text", "text": "a"},
        {"type": "image", "data": "AAAA", "mimeType": "image/png"},
        {"type": "resource_link", "uri": "file:///x", "name": "x"},
        {"type": "resource", "resource": {"uri": "file:///y", "text": "y"}},
    ]
    async with session_with(answering(tools_call={"content": content, "structuredContent": {"n": 1}})) as session:
        assert await session.call("act", {}) == {
            "text": "a",
            "structured": {"n": 1},
            "other": [
                {"type": "image", "media": "image/png", "base64_characters": 4},
                {"type": "resource_link", "uri": "file:///x", "name": "x"},
                {"type": "resource", "uri": "file:///y", "text": "y"},
            ],
        }
