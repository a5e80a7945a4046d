"""``/v1``: the models and chat completions of OpenAI, for clients that speak to nothing else. An agent is a model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...agents.supervisor.agent_registry import AgentRegistry
from ...core import door_points
from ...core.doors.answers import Answer
from ...core.doors.openai_chat import ChatFold, Chunk, Failed, Message, asked_in, completion_of, error_of
from ...core.errors import AuthenticationRefused
from ...core.frames import MAX_KEY, ExecuteAgent
from ...core.identity import Identity
from ...core.plans import Plan, Plans, of_agents
from ..http.client_address import address_of
from ..http.endpoint import NO_STORE, Endpoint, encode_json, json_response
from ..http.problems import Problem, retry_after
from ..http.request_body import decoded
from ..http.while_there import while_there
from .device import Closed, Device, Devices
from .entry import Entry
from .event_stream import COMMENT, DONE, EVENT_STREAM, EventStream, data

MAX_METADATA: Final = 16_384
_PROTOCOL: Final = "openai"
_THREAD_HEADERS: Final = ("x-netra-thread", "x-openwebui-chat-id", "x-librechat-conversation-id")
_OTHER_PEOPLE: Final = ("x-openwebui-user-id", "x-openwebui-user-email", "x-openwebui-user-jwt")
"""Headers of a client that has users of its own and may share one sign-in among them."""

_TYPES: Final = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class ChatRequest(msgspec.Struct, frozen=True):
    """The last message of the user is asked; the thread has what was said before. ``metadata.thread_id`` names it, in the
    client's own words. Other fields of OpenAI's are taken and ignored."""

    model: str
    messages: list[Message]
    stream: bool = False
    stream_options: StreamOptions | None = None
    metadata: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class Model(msgspec.Struct, frozen=True):
    id: str
    object: str
    created: int
    owned_by: str
    description: str


class Models(msgspec.Struct, frozen=True):
    object: str
    data: list[Model]


@dataclass(frozen=True, slots=True)
class _Wanted:
    request: ExecuteAgent
    model: str
    is_streamed: bool
    has_usage: bool


def openai_endpoints(
    *,
    devices: Devices,
    registry: AgentRegistry,
    plans: Plans | None,
    entry: Entry,
    started_ms: int,
    relays: Callable[[str], bool],
) -> list[Endpoint]:
    """The endpoints of this door. Models are as old as the server's process, which began at ``started_ms``; of agents that
    ``relays`` says so of, what the agents say that they ask is the answer."""

    def plan_of(identity: Identity) -> Plan | None:
        return of_agents(None if plans is None else plans.of(identity.plan), identity.agents, entry.limits)

    def listed(identity: Identity) -> list[Model]:
        agents = registry.describe(plan_of(identity))
        return [Model(agent["name"], "model", started_ms // 1000, "netra", agent["description"]) for agent in agents]

    async def models(_: Request, identity: Identity) -> Response:
        return json_response(Models("list", listed(identity)))

    async def model(request: Request, identity: Identity) -> Response:
        name = request.path_params["model"]
        registry.check(name, plan_of(identity))
        return json_response(next(each for each in listed(identity) if each.id == name))

    async def _wanted(request: Request, identity: Identity) -> _Wanted:
        """What is wanted; of the conversation nothing else is kept while the run goes on."""
        asked = await entry.read(request, identity, ChatRequest)
        registry.check(asked.model, plan_of(identity))
        named, field = _thread_named(request, asked)
        text, key = entry.checked(asked_in(asked.messages)), _key_of(request)
        thread_id = await entry.thread_of(identity.user_id, _PROTOCOL, named, field)
        has_usage = not asked.stream or bool(asked.stream_options and asked.stream_options.include_usage)
        return _Wanted(ExecuteAgent(asked.model, text, key, thread_id), asked.model, asked.stream, has_usage)

    async def chat(request: Request, identity: Identity) -> Response:
        _check_alone(request)
        wanted = await _wanted(request, identity)
        device, close = await devices.open(identity, address_of(request))
        is_left_open = False
        try:
            accepted = await device.start(wanted.request)
            fold = ChatFold(Answer(accepted.run_id or "", relays(wanted.model)), wanted.has_usage)
            headers = {"X-Netra-Thread": accepted.thread_id or "", "X-Netra-Run": accepted.run_id or ""}
            comment_s = entry.limits.door_comment_s
            if not wanted.is_streamed:
                response = await while_there(request, _whole(device, fold, comment_s))
                response.headers.update(headers)
                return response
            is_left_open = True
            return EventStream(_streamed(device, fold, comment_s), close, headers)
        finally:
            if not is_left_open:
                close()

    return [
        Endpoint(
            method="GET",
            path="/v1/models",
            name="listModels",
            about="The agents that you can ask, as OpenAI's clients list models.",
            handler=models,
            answer=Models,
            told=openai_error,
        ),
        Endpoint(
            method="GET",
            path="/v1/models/{model}",
            name="readModel",
            about="One agent, as a model.",
            handler=model,
            answer=Model,
            refusals=("unknown_agent",),
            told=openai_error,
        ),
        Endpoint(
            method="POST",
            path="/v1/chat/completions",
            name="createChatCompletion",
            about="Ask an agent as OpenAI's clients do; with stream the answer comes as it is made. Leaving stops no run.",
            handler=chat,
            body=ChatRequest,
            answer=dict[str, Any],
            media=EVENT_STREAM,
            refusals=(
                "invalid_frame",
                "unsupported_media",
                "unknown_agent",
                "transfer_limit",
                "connection_limit",
                "run_limit",
                "isolation_violation",
                "draining",
            ),
            told=openai_error,
        ),
    ]


def openai_error(problem: Problem) -> Response:
    """A problem as these clients read it."""
    headers = dict(NO_STORE)
    if (wait := retry_after(problem.status, problem.retry_after_ms)) is not None:
        headers["Retry-After"] = wait
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    message = f"{problem.detail} {problem.hint}".strip()
    body = error_of(message, _type_of(problem.status), problem.error, problem.field)
    return Response(encode_json(body), problem.status, headers, "application/json")


def _type_of(status: int) -> str:
    return _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")


async def _pieces(device: Device, fold: ChatFold, within_s: float) -> AsyncIterator[list[Chunk | Failed]]:
    """The chunks of the run to its end, those that are there at a time together; none if nothing came for so many seconds."""
    while not fold.answer.is_over:
        try:
            events = await device.next(within_s)
        except Closed as closed:
            yield [Failed(error_of(closed.text, "server_error", closed.error))]
            return
        yield [chunk for event in events for chunk in fold.take(event)]


async def _streamed(device: Device, fold: ChatFold, comment_s: float) -> AsyncGenerator[bytes, None]:
    async for pieces in _pieces(device, fold, comment_s):
        yield b"".join(data(piece.error if isinstance(piece, Failed) else piece) for piece in pieces) or COMMENT
        if pieces and isinstance(pieces[-1], Failed):
            return
    yield DONE


async def _whole(device: Device, fold: ChatFold, within_s: float) -> Response:
    chunks: list[Chunk] = []
    async for pieces in _pieces(device, fold, within_s):
        for piece in pieces:
            if isinstance(piece, Failed):
                return Response(encode_json(piece.error), 502, NO_STORE, "application/json")
            chunks.append(piece)
    return json_response(completion_of(chunks))


def _key_of(request: Request) -> str | None:
    """The client's own key of the request, with which it may send it again."""
    key = request.headers.get("idempotency-key")
    return key if key and len(key) <= MAX_KEY else None


def _thread_named(request: Request, asked: ChatRequest) -> tuple[Any, str]:
    """What the client calls the conversation, and where it says so."""
    for name in _THREAD_HEADERS:
        if named := request.headers.get(name):
            return named, name
    if len(asked.metadata) > MAX_METADATA:
        return asked.metadata, "metadata"  # which is no text, and refused
    metadata = decoded(bytes(asked.metadata), object) if asked.metadata else None
    return metadata.get("thread_id") if isinstance(metadata, dict) else None, "metadata.thread_id"


def _check_alone(request: Request) -> None:
    """Raises ``AuthenticationRefused`` for a sign-in that a client seems to share among people: they would read each other's
    threads, and their names in headers can be anybody's."""
    if any(request.headers.get(name) for name in _OTHER_PEOPLE):
        raise AuthenticationRefused(
            "This client shares one sign-in among several people.",
            kind="forbidden",
            point=door_points.DOOR_SHARED,
            hint="Give each person a key of their own, or have the client forward each person's own token.",
        )
