"""HTTP servers on loopback that stream as providers of language models do, written from their public protocols.

Each is a list of the frames of server-sent events that one answer has, and knows by which settings a server finds it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

WORDS: Final = ("It ", "was ", "$5.")
INPUT: Final = 1000
OUTPUT: Final = 100
KEY: Final = "key-of-nobody"
_MOST_BYTES: Final = 1 << 20
Frame = tuple[str, Any]
"""The name of an event (``""``: none) and its data; a text that is no JSON is sent as it is."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """``model`` is what ``NETRA_MODEL`` says; ``settings`` are the environment for a server at an address; ``path`` is where it
    is asked; ``frames`` are those of an answer, whose usage may be left out, and ``call`` those of one that calls a tool with
    arguments, without usage; ``prompt`` and ``system`` find both in a request."""

    model: str
    path: str
    settings: Callable[[str], Mapping[str, str]]
    frames: Callable[[bool], Iterable[Frame]]
    call: Callable[[str, Mapping[str, Any]], Iterable[Frame]]
    prompt: Callable[[Any], Any]
    system: Callable[[Any], Any]
    header: str
    """The header that the key is in."""


@dataclass(slots=True)
class ProviderServer:
    """What was asked: paths, headers and bodies, in order."""

    url: str
    paths: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def serving(
    protocol: Protocol,
    *,
    usage: bool = True,
    status: int = 200,
    frames: int | None = None,
    breaks: bool = False,
    calls: Sequence[tuple[str, Mapping[str, Any]]] = (),
) -> AsyncIterator[ProviderServer]:
    """Serve answers of this protocol while the block lasts. With ``status`` each is refused. With ``frames`` only so many are
    sent, and then the connection ``breaks``, or the answer ends as if it were whole. The first answers make these ``calls``."""
    handlers: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        server.connections += 1
        try:
            while await _taken(server, reader):
                if status != 200:
                    _refuse(writer, status)
                    await writer.drain()
                    continue
                number = len(server.bodies)
                said = protocol.frames(usage) if number > len(calls) else protocol.call(*calls[number - 1])
                if not _stream(writer, list(said)[:frames], breaks):
                    return
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # who asked went away, or this server does
        finally:
            handlers.discard(task)
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server = ProviderServer(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    try:
        yield server
    finally:
        listening.close()
        for each in handlers:
            each.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        await listening.wait_closed()


async def _taken(server: ProviderServer, reader: asyncio.StreamReader) -> bool:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    length = int(headers.get("content-length", "0"))
    assert head[0].startswith("POST "), head[0]
    assert length <= _MOST_BYTES
    server.paths.append(head[0].split(" ")[1])
    server.headers.append(headers)
    server.bodies.append(json.loads(await reader.readexactly(length)))
    return True


def _refuse(writer: asyncio.StreamWriter, status: int) -> None:
    body = json.dumps({"type": "error", "error": {"type": "error", "message": f"no: {KEY}", "code": status}}).encode()
    head = f"HTTP/1.1 {status} No\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}x-should-retry: false\r\n\r\n".encode() + body)


def _stream(writer: asyncio.StreamWriter, frames: Sequence[Frame], breaks: bool) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for event, data in frames:
        said = data if isinstance(data, str) else json.dumps(data)
        frame = (f"event: {event}\n" if event else "") + f"data: {said}\n\n"
        writer.write(f"{len(frame.encode()):x}\r\n{frame}\r\n".encode())
    if breaks:
        return False  # in the middle of a body that has no end yet
    writer.write(b"0\r\n\r\n")
    return True


# --- the protocols ---------------------------------------------------------------------------------------------------


def _chat(usage: bool) -> Iterable[Frame]:
    """OpenAI's Chat Completions."""
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "gpt-4o-mini"}
    for word in WORDS:
        delta = {"role": "assistant", "content": word}
        yield "", {**base, "choices": [{"index": 0, "finish_reason": None, "delta": delta}]}
    yield "", {**base, "choices": [{"index": 0, "finish_reason": "stop", "delta": {}}]}
    if usage:
        told = {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT}
        yield "", {**base, "choices": [], "usage": told}
    yield "", "[DONE]"


def _chat_call(name: str, arguments: Mapping[str, Any]) -> Iterable[Frame]:
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "gpt-4o-mini"}
    called = {"name": name, "arguments": json.dumps(arguments)}
    delta = {"role": "assistant", "tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": called}]}
    yield "", {**base, "choices": [{"index": 0, "finish_reason": None, "delta": delta}]}
    yield "", {**base, "choices": [{"index": 0, "finish_reason": "tool_calls", "delta": {}}]}
    yield "", "[DONE]"


def _responses_call(name: str, arguments: Mapping[str, Any]) -> Iterable[Frame]:
    response: dict[str, Any] = {
        "id": "resp_0", "object": "response", "created_at": 1_790_000_000, "status": "in_progress", "model": "gpt-5-mini",
        "output": [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": None,
    }  # fmt: skip
    item = {
        "id": "fc_1",
        "type": "function_call",
        "call_id": "call_1",
        "name": name,
        "status": "in_progress",
        "arguments": "",
    }
    whole = {**item, "status": "completed", "arguments": json.dumps(arguments)}
    yield "response.created", {"type": "response.created", "sequence_number": 0, "response": response}
    added = {"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": item}
    yield "response.output_item.added", added
    delta = {"sequence_number": 2, "item_id": "fc_1", "output_index": 0, "delta": whole["arguments"]}
    yield "response.function_call_arguments.delta", {"type": "response.function_call_arguments.delta", **delta}
    done = {"type": "response.output_item.done", "sequence_number": 3, "output_index": 0, "item": whole}
    yield "response.output_item.done", done
    ended = {**response, "status": "completed", "output": [whole]}
    yield "response.completed", {"type": "response.completed", "sequence_number": 4, "response": ended}


def _messages_call(name: str, arguments: Mapping[str, Any]) -> Iterable[Frame]:
    message: dict[str, Any] = {
        "id": "msg_0", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "content": [],
        "stop_reason": None, "stop_sequence": None,
    }  # fmt: skip
    yield "message_start", {"type": "message_start", "message": message}
    block = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}
    yield "content_block_start", {"type": "content_block_start", "index": 0, "content_block": block}
    delta = {"type": "input_json_delta", "partial_json": json.dumps(arguments)}
    yield "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}
    yield "content_block_stop", {"type": "content_block_stop", "index": 0}
    yield "message_delta", {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}}
    yield "message_stop", {"type": "message_stop"}


def _generate_call(name: str, arguments: Mapping[str, Any]) -> Iterable[Frame]:
    part = {"functionCall": {"name": name, "args": dict(arguments)}}
    candidate = {"content": {"role": "model", "parts": [part]}, "index": 0, "finishReason": "STOP"}
    yield "", {"candidates": [candidate], "modelVersion": "gemini-2.5-flash", "responseId": "r0"}


def _responses(usage: bool) -> Iterable[Frame]:
    """OpenAI's Responses."""
    numbers = iter(range(100))

    def frame(kind: str, **more: Any) -> Frame:
        return kind, {"type": kind, "sequence_number": next(numbers), **more}

    response: dict[str, Any] = {
        "id": "resp_1", "object": "response", "created_at": 1_790_000_000, "status": "in_progress", "model": "gpt-5-mini",
        "output": [], "error": None, "incomplete_details": None, "instructions": None, "metadata": {},
        "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0, "usage": None,
    }  # fmt: skip
    item: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "in_progress",
        "content": [],
    }
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    yield frame("response.created", response=response)
    yield frame("response.in_progress", response=response)
    yield frame("response.output_item.added", output_index=0, item=item)
    yield frame("response.content_part.added", **at, part=part)
    for word in WORDS:
        yield frame("response.output_text.delta", **at, delta=word, logprobs=[])
    said = {**part, "text": "".join(WORDS)}
    yield frame("response.output_text.done", **at, text="".join(WORDS), logprobs=[])
    yield frame("response.content_part.done", **at, part=said)
    whole = {**item, "status": "completed", "content": [said]}
    yield frame("response.output_item.done", output_index=0, item=whole)
    told = {
        "input_tokens": INPUT, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": OUTPUT,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": INPUT + OUTPUT,
    }  # fmt: skip
    ended = {**response, "status": "completed", "output": [whole], "usage": told if usage else None}
    yield frame("response.completed", response=ended)


def _messages(usage: bool) -> Iterable[Frame]:
    """Anthropic's Messages."""
    message: dict[str, Any] = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "content": [],
        "stop_reason": None, "stop_sequence": None,
    }  # fmt: skip
    if usage:
        message["usage"] = {"input_tokens": INPUT, "output_tokens": 1}
    yield "message_start", {"type": "message_start", "message": message}
    block = {"type": "text", "text": ""}
    yield "content_block_start", {"type": "content_block_start", "index": 0, "content_block": block}
    yield "ping", {"type": "ping"}
    for word in WORDS:
        delta = {"type": "text_delta", "text": word}
        yield "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}
    yield "content_block_stop", {"type": "content_block_stop", "index": 0}
    ended: dict[str, Any] = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}}
    yield "message_delta", {**ended, **({"usage": {"output_tokens": OUTPUT}} if usage else {})}
    yield "message_stop", {"type": "message_stop"}


def _generate(usage: bool) -> Iterable[Frame]:
    """Google's ``streamGenerateContent``."""
    for number, word in enumerate(WORDS, 1):
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": word}]}, "index": 0}
        if number == len(WORDS):
            candidate["finishReason"] = "STOP"
        told: dict[str, Any] = {"candidates": [candidate], "modelVersion": "gemini-2.5-flash", "responseId": "r1"}
        if usage:
            told["usageMetadata"] = {
                "promptTokenCount": INPUT,
                "candidatesTokenCount": OUTPUT,
                "totalTokenCount": INPUT + OUTPUT,
            }
        yield "", told


def _of_role(role: str) -> Callable[[Any], Any]:
    return lambda body: next(each["content"] for each in body["messages"] if each["role"] == role)


PROTOCOLS: Final[Mapping[str, Protocol]] = {
    "openai": Protocol(
        "openai:gpt-5-mini",  # one that reasons, and so takes no temperature
        "/v1/responses",
        lambda url: {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": KEY},
        _responses,
        _responses_call,
        lambda body: body["input"][-1]["content"],
        lambda body: body["instructions"],
        "authorization",
    ),
    "openai-chat": Protocol(
        "openai-chat:gpt-4o-mini",
        "/v1/chat/completions",
        lambda url: {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": KEY},
        _chat,
        _chat_call,
        _of_role("user"),
        _of_role("system"),
        "authorization",
    ),
    "anthropic": Protocol(
        "anthropic:claude-haiku-4-5",
        "/v1/messages",
        lambda url: {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": KEY},
        _messages,
        _messages_call,
        lambda body: body["messages"][-1]["content"][0]["text"],
        lambda body: body["system"][0]["text"],
        "authorization",
    ),
    "google": Protocol(
        "google:gemini-2.5-flash",
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        lambda url: {"GOOGLE_GEMINI_BASE_URL": url, "GOOGLE_API_KEY": KEY},
        _generate,
        _generate_call,
        lambda body: body["contents"][-1]["parts"][0]["text"],
        lambda body: body["systemInstruction"]["parts"][0]["text"],
        "x-goog-api-key",
    ),
    "ollama": Protocol(
        "ollama:qwen3",
        "/v1/chat/completions",
        lambda url: {"OLLAMA_BASE_URL": f"{url}/v1"},
        _chat,
        _chat_call,
        _of_role("user"),
        _of_role("system"),
        "",
    ),
}
