"""A language model that answers by a script: a real HTTP server on loopback that speaks OpenAI's chat protocol, and its
Responses API.

``async with scripted_model({"How much?": "It was $5."}) as model`` serves while the block lasts; a server under test is given
``model.settings`` as its environment. Every request is kept in ``model.requests``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from . import scripted_responses

MODEL: Final = "scripted"
_MOST_BYTES: Final = 16 << 20
_MADE: Final = 1_790_000_000


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What was asked: the body of the request as it came."""

    body: Mapping[str, Any]

    @property
    def prompt(self) -> str:
        """The text of the last message of a user."""
        texts = [text_of(each["content"]) for each in self.messages if each.get("role") == "user"]
        return texts[-1] if texts else ""

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]:
        """What was said so far, in the words of the API that is asked."""
        said = self.body["messages"] if "messages" in self.body else self.body["input"]
        return [{"role": "user", "content": said}] if isinstance(said, str) else said

    @property
    def system(self) -> str:
        """The text of the instructions."""
        told = [text_of(each["content"]) for each in self.messages if each.get("role") == "system"]
        return "\n".join([self.body["instructions"]] if self.body.get("instructions") else told)


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """An answer that is more than a text. It is streamed in ``parts`` pieces, ``pause_s`` apart.

    ``tool_calls`` are pairs of a tool's name and its arguments; their ids begin with ``call``. A ``status`` from 400 on is a
    refusal of the provider. With ``cut_after`` the connection breaks after so many pieces; with ``stalls`` nothing more comes
    then, and it stays open.
    """

    text: str = ""
    tool_calls: Sequence[tuple[str, Mapping[str, Any]]] = ()
    parts: int = 3
    pause_s: float = 0.0
    status: int = 200
    cut_after: int | None = None
    stalls: bool = False
    input_tokens: int = 10
    output_tokens: int = 5
    call: str = "call"


Answers = Mapping[str, str | ModelAnswer] | Iterable[str | ModelAnswer] | Callable[[ModelRequest], str | ModelAnswer]
"""By the prompt, in order, or by a function of the request. If parts of a run may be asked for again, or in parallel, their order
says nothing: use one of the others."""


@dataclass(slots=True)
class ScriptedModel:
    """A model that is being served at ``url``. ``requests`` are all that came so far, in their order."""

    answers: Answers
    url: str = ""
    requests: list[ModelRequest] = field(default_factory=list)
    _order: Any = None

    @property
    def settings(self) -> dict[str, str]:
        """The environment of a server that asks this model."""
        return {
            "NETRA_MODEL": f"openai-chat:{MODEL}",
            "OPENAI_BASE_URL": f"{self.url}/v1",
            "OPENAI_API_KEY": "key-of-nobody",
        }

    def prompts(self) -> list[str]:
        """What was asked, in order."""
        return [each.prompt for each in self.requests]

    def answer(self, request: ModelRequest) -> ModelAnswer:
        """What is said to a request, which is kept. One that the script does not know is refused (400)."""
        self.requests.append(request)
        said: str | ModelAnswer | None
        if isinstance(self.answers, Mapping):
            said = self.answers.get(request.prompt)
        elif callable(self.answers):
            said = self.answers(request)
        else:
            self._order = iter(self.answers) if self._order is None else self._order
            said = next(self._order, None)
        if said is None:
            return ModelAnswer(f"The script has no answer to {request.prompt!r}.", status=400)
        return ModelAnswer(said) if isinstance(said, str) else said


@asynccontextmanager
async def scripted_model(answers: Answers) -> AsyncIterator[ScriptedModel]:
    """Serve a model on a free port of loopback while the block lasts."""
    model = ScriptedModel(answers)
    handlers: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            await _serve(model, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            pass  # who asked went away
        finally:
            handlers.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    model.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield model
    finally:
        server.close()
        for each in handlers:
            each.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        await server.wait_closed()


async def _serve(model: ScriptedModel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    length = next((int(line.split(b":")[1]) for line in head if line.startswith(b"content-length")), 0)
    is_chat, is_response = b"/chat/completions" in head[0], b"/responses" in head[0]
    if length > _MOST_BYTES or not head[0].startswith(b"post ") or not (is_chat or is_response):
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        return
    request = ModelRequest(json.loads(await reader.readexactly(length)))
    said = model.answer(request)
    if said.status >= 400:
        _write(writer, said.status, json.dumps({"error": {"message": said.text, "type": "scripted"}}).encode())
    elif is_response:
        await _respond(said, writer, streams=bool(request.body.get("stream")))
    elif request.body.get("stream"):
        await _stream(said, writer)
    else:
        message = {"role": "assistant", "content": said.text, "tool_calls": list(_tool_calls(said)) or None}
        choice = {"index": 0, "message": message, "finish_reason": _reason(said)}
        whole = {"object": "chat.completion", "choices": [choice], "usage": _usage(said)}
        _write(writer, 200, json.dumps({**_named(), **whole}).encode())
    await writer.drain()


def _write(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    head = f"HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)


async def _respond(said: ModelAnswer, writer: asyncio.StreamWriter, *, streams: bool) -> None:
    calls = [(each["id"], each["function"]["name"], each["function"]["arguments"]) for each in _tool_calls(said)]
    output = scripted_responses.output_of(said.text, calls)
    response = scripted_responses.whole(MODEL, output, said.input_tokens, said.output_tokens)
    if not streams:
        _write(writer, 200, json.dumps(response).encode())
        return
    _begin_stream(writer)
    pieces = [piece["content"] for piece in _pieces(said) if "content" in piece]
    for data in scripted_responses.events(response, pieces):
        _event(writer, data)
        await writer.drain()
        await asyncio.sleep(said.pause_s)
    writer.write(b"0\r\n\r\n")


async def _stream(said: ModelAnswer, writer: asyncio.StreamWriter) -> None:
    _begin_stream(writer)
    for number, piece in enumerate(_pieces(said)):
        if said.cut_after is not None and number >= said.cut_after:
            if said.stalls:
                await writer.drain()
                await asyncio.get_running_loop().create_future()
            writer.transport.abort()
            return
        _chunk(writer, choices=[{"index": 0, "finish_reason": None, "delta": piece}])
        await writer.drain()
        await asyncio.sleep(said.pause_s)
    _chunk(writer, choices=[{"index": 0, "finish_reason": _reason(said), "delta": {}}])
    _chunk(writer, choices=[], usage=_usage(said))
    _event(writer, "[DONE]")
    writer.write(b"0\r\n\r\n")


def _begin_stream(writer: asyncio.StreamWriter) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
    writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n")  # so that the client sees the cut


def _pieces(said: ModelAnswer) -> Iterable[dict[str, Any]]:
    size = max(1, -(-len(said.text) // max(1, said.parts)))
    for at in range(0, len(said.text), size):
        yield {"role": "assistant", "content": said.text[at : at + size]}
    for each in _tool_calls(said):
        yield {"role": "assistant", "tool_calls": [each]}


def _tool_calls(said: ModelAnswer) -> Iterable[dict[str, Any]]:
    for number, (name, arguments) in enumerate(said.tool_calls):
        function = {"name": name, "arguments": json.dumps(arguments)}
        yield {"index": number, "id": f"{said.call}_{name}_{number}", "type": "function", "function": function}


def _chunk(writer: asyncio.StreamWriter, **more: Any) -> None:
    _event(writer, json.dumps({**_named(), "object": "chat.completion.chunk", **more}))


def _event(writer: asyncio.StreamWriter, data: str) -> None:
    event = f"data: {data}\n\n".encode()
    writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")


def _named() -> dict[str, Any]:
    return {"id": "scripted-1", "created": _MADE, "model": MODEL}


def _reason(said: ModelAnswer) -> str:
    return "tool_calls" if said.tool_calls else "stop"


def _usage(said: ModelAnswer) -> dict[str, int]:
    total = said.input_tokens + said.output_tokens
    return {"prompt_tokens": said.input_tokens, "completion_tokens": said.output_tokens, "total_tokens": total}


def text_of(content: Any) -> str:
    """The text of a message's content, in the words of either API."""
    if isinstance(content, str):
        return content
    return "".join(str(each.get("text", "")) for each in content or ())
