"""The language model port against a real HTTP server that speaks the OpenAI protocol on a loopback address."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from netra_backend.app.adapters.models.pydantic_ai import PydanticAIModel
from netra_backend.app.agents.supervisor.model_stream import SentenceGate
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.model_part import ModelPart
from netra_backend.app.usage.number_check import NumberCheck

if TYPE_CHECKING:
    from pydantic_ai.models.openai import OpenAIChatModel

Answer = Callable[[dict[str, Any], asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def _serving(answer: Answer) -> AsyncIterator[OpenAIChatModel]:
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
            )
            await answer(json.loads(await reader.readexactly(length)), writer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):  # it went away, or is a stranger of this port's past
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="key-of-nobody", max_retries=0)
    try:
        yield OpenAIChatModel("gpt-4o-mini", provider=OpenAIProvider(openai_client=client))
    finally:
        await client.close()
        server.close()
        await server.wait_closed()


def _head(writer: asyncio.StreamWriter, status: str, kind: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode())


def _chunk(writer: asyncio.StreamWriter, **choice: Any) -> None:
    chunk = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "finish_reason": None, **choice}] if choice else [],
    }
    if not choice:
        chunk["usage"] = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    writer.write(f"data: {json.dumps(chunk)}\n\n".encode())


async def _ask(model: OpenAIChatModel, stall_s: float = 20.0) -> list[ModelPart]:
    asked = PydanticAIModel(model, Limits(model_silence_s=stall_s))
    return [part async for part in asked.stream("How much?", system="Be exact.", max_tokens=77)]


async def test_an_answer_streams_with_its_usage_and_cost() -> None:
    asked: list[dict[str, Any]] = []

    async def answer(request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        asked.append(request)
        _head(writer, "200 OK", "text/event-stream")
        for word in ("It ", "was ", "$5."):
            _chunk(writer, delta={"role": "assistant", "content": word})
        _chunk(writer, delta={}, finish_reason="stop")
        _chunk(writer)
        writer.write(b"data: [DONE]\n\n")

    async with _serving(answer) as model:
        parts = await _ask(model)
    assert "".join(part.text for part in parts) == "It was $5."
    usage = parts[-1].usage
    assert usage is not None
    assert (usage["input_tokens"], usage["output_tokens"]) == (1000, 100)
    assert float(usage["cost_usd"]) == pytest.approx(1000 * 0.15e-6 + 100 * 0.60e-6)
    assert asked[0]["stream"] is True
    assert [message["content"] for message in asked[0]["messages"]] == ["Be exact.", "How much?"]


@pytest.mark.parametrize("status", ["429 Too Many Requests", "500 Internal Server Error", "401 Unauthorized"])
async def test_a_refusal_of_the_server_is_a_dependency_that_is_down(status: str) -> None:
    async def answer(request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        _head(writer, status, "application/json")
        writer.write(b'{"error": {"message": "no: key-of-nobody"}}')

    async with _serving(answer) as model:
        with pytest.raises(DependencyUnavailable) as told:
            await _ask(model)
    assert "key-of-nobody" not in str(told.value)


async def test_a_server_that_stalls_is_given_up() -> None:
    released = asyncio.Event()

    async def answer(request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        _head(writer, "200 OK", "text/event-stream")
        _chunk(writer, delta={"role": "assistant", "content": "It "})
        await writer.drain()
        await released.wait()

    async with _serving(answer) as model:
        with pytest.raises(DependencyUnavailable, match="in time"):
            await _ask(model, stall_s=0.2)
        released.set()


async def test_a_stream_that_is_cut_is_a_dependency_that_is_down() -> None:
    async def answer(request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 100000\r\n\r\n")
        _chunk(writer, delta={"role": "assistant", "content": "It "})

    async with _serving(answer) as model:
        with pytest.raises(DependencyUnavailable):
            await _ask(model)


async def test_closing_the_stream_closes_the_request() -> None:
    gone = asyncio.Event()

    async def answer(request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        _head(writer, "200 OK", "text/event-stream")
        try:
            while True:
                _chunk(writer, delta={"role": "assistant", "content": "more "})
                await writer.drain()
                await asyncio.sleep(0)
        finally:
            gone.set()

    async with _serving(answer) as model:
        stream = PydanticAIModel(model).stream("Go on.", system="", max_tokens=50)
        async for _ in stream:
            break
        await stream.aclose()
        await asyncio.wait_for(gone.wait(), 20)


async def test_a_number_that_comes_in_pieces_is_shown_when_all_of_it_was_checked() -> None:
    async def answer(request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        _head(writer, "200 OK", "text/event-stream")
        for word in ("It was $1", "2.5", "0. You can save 9", "9", " %. Really."):
            _chunk(writer, delta={"role": "assistant", "content": word})
            await writer.drain()
        _chunk(writer, delta={}, finish_reason="stop")
        _chunk(writer)
        writer.write(b"data: [DONE]\n\n")

    check = NumberCheck({"bill_usd": "12.50"})
    gate = SentenceGate(lambda text: not check.unsupported(text))
    async with _serving(answer) as model:
        shown = [gate.add(part.text) for part in await _ask(model)] + [gate.rest()]
    assert "".join(shown) == "It was $12.50. "
    assert gate.refused
