"""``/v1``: the models and chat completions of OpenAI, for clients that speak to nothing else. An agent is a model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...agents.supervisor.agent_registry import AgentRegistry
from ...core import door_points
from ...core.doors.answers import Answer
from ...core.doors.openai_chat import ChatFold, Chunk, Failed, Message, asked_in, completion_of, error_of
from ...core.doors.thread_ids import MAX_CLIENT_ID, alias
from ...core.error_catalogue import CATALOGUE
from ...core.errors import AuthenticationRefused, FrameRefused, NotFound
from ...core.frames import MAX_KEY, ExecuteAgent
from ...core.identity import Identity
from ...core.ids import is_valid_id
from ...core.limits import Limits
from ...core.plans import Plan, Plans, of_agents
from ...services.conversations import Conversations
from ..http.client_address import address_of
from ..http.endpoint import NO_STORE, Endpoint, encode_json, json_response
from ..http.problems import Problem, retry_after
from ..http.request_body import json_of
from ..http.request_head import declared_length
from ..http.transfers import Transfers
from ..http.while_there import while_there
from .device import Closed, Device, Devices
from .event_stream import COMMENT, EVENT_STREAM, EventStream, data

MAX_METADATA: Final = 16_384
_DOOR: Final = "openai"
_DONE: Final = b"data: [DONE]\n\n"
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
    metadata: msgspec.Raw = msgspec.Raw()


class Model(msgspec.Struct, frozen=True):
    id: str
    object: str
    created: int
    owned_by: str
    description: str


class Models(msgspec.Struct, frozen=True):
    object: str
    data: list[Model]


def openai_endpoints(
    *,
    devices: Devices,
    registry: AgentRegistry,
    plans: Plans | None,
    conversations: Conversations,
    transfers: Transfers,
    limits: Limits,
    started_ms: int,
    relays: Callable[[str], bool],
) -> list[Endpoint]:
    """The endpoints of this door. Models are as old as the server's process, which began at ``started_ms``; of agents that
    ``relays`` says so of, what the agents say that they ask is the answer."""

    def plan_of(identity: Identity) -> Plan | None:
        return of_agents(None if plans is None else plans.of(identity.plan), identity.agents, limits)

    def listed(identity: Identity) -> list[Model]:
        agents = registry.describe(plan_of(identity))
        return [Model(agent["name"], "model", started_ms // 1000, "netra", agent["description"]) for agent in agents]

    async def models(_: Request, identity: Identity) -> Response:
        return json_response(Models("list", listed(identity)))

    async def model(request: Request, identity: Identity) -> Response:
        name = request.path_params["model"]
        registry.check(name, plan_of(identity))
        return json_response(next(each for each in listed(identity) if each.id == name))

    async def _read(request: Request, identity: Identity) -> ChatRequest:
        """The body; a long one takes one of its user's transfers meanwhile, so that few are in memory at a time."""
        _check_media(request)
        if 0 < declared_length(request.headers.raw) <= limits.json_bytes:
            return await json_of(request, ChatRequest, limits)
        transfer = transfers.begin(identity)
        try:
            return await transfer.perform(json_of(request, ChatRequest, limits, most=limits.door_bytes))
        finally:
            transfer.close()

    async def chat(request: Request, identity: Identity) -> Response:
        _check_alone(request)
        asked = await _read(request, identity)
        registry.check(asked.model, plan_of(identity))
        wanted = ExecuteAgent(
            asked.model,
            _message_of(asked, limits),
            _key_of(request),
            await _thread_of(request, asked, identity.user_id, conversations),
        )
        device, close = await devices.open(identity, address_of(request))
        is_left_open = False
        try:
            accepted = await device.start(wanted)
            answer = Answer(accepted.run_id or "", relays(asked.model))
            has_usage = not asked.stream or bool(asked.stream_options and asked.stream_options.include_usage)
            fold, response = ChatFold(answer, has_usage), Response()
            if asked.stream:
                response = EventStream(_streamed(device, fold, limits.door_comment_s), close)
                is_left_open = True
            else:
                response = await while_there(request, _whole(device, fold))
            response.headers["X-Netra-Thread"] = accepted.thread_id or ""
            response.headers["X-Netra-Run"] = accepted.run_id or ""
            return response
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


async def _pieces(device: Device, fold: ChatFold) -> AsyncIterator[Chunk | Failed]:
    """The chunks of the run to its end."""
    while not fold.answer.is_over:
        try:
            event = await device.next()
        except Closed as closed:
            text = CATALOGUE[closed.error].text if closed.error in CATALOGUE else "The connection was closed."
            yield Failed(error_of(f"{text} The run goes on.", "server_error", closed.error))
            return
        for chunk in fold.take(event):
            yield chunk


async def _streamed(device: Device, fold: ChatFold, comment_s: float) -> AsyncGenerator[bytes, None]:
    pieces = aiter(_pieces(device, fold))
    coming: asyncio.Task[Chunk | Failed] | None = None
    try:
        while True:
            if coming is None:
                coming = asyncio.ensure_future(anext(pieces))
            done, _ = await asyncio.wait((coming,), timeout=comment_s)
            if not done:
                yield COMMENT
                continue
            try:
                piece = coming.result()
            except StopAsyncIteration:
                yield _DONE
                return
            coming = None
            if isinstance(piece, Failed):
                yield data(piece.error)
                return
            yield data(piece)
    finally:
        if coming is not None:
            coming.cancel()


async def _whole(device: Device, fold: ChatFold) -> Response:
    chunks: list[Chunk] = []
    async for piece in _pieces(device, fold):
        if isinstance(piece, Failed):
            return Response(encode_json(piece.error), 502, NO_STORE, "application/json")
        chunks.append(piece)
    return json_response(completion_of(chunks))


def _check_media(request: Request) -> None:
    """Raises ``FrameRefused`` for what a page of another origin could send without asking first (Fetch, 4.8: a form, plain
    text)."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise FrameRefused(
            CATALOGUE["unsupported_media"].text,
            kind="unsupported_media",
            field="Content-Type",
            point=door_points.DOOR_MEDIA,
        )


def _message_of(asked: ChatRequest, limits: Limits) -> str:
    text = asked_in(asked.messages)
    if text is None or len(text.encode("utf-8", "surrogatepass")) > limits.frame_bytes:
        raise FrameRefused(
            f"The request has no message of the user, or one of more than {limits.frame_bytes:,} bytes.",
            field="messages",
            hint="Send a message with the role user and a text.",
            point=door_points.DOOR_MESSAGE,
        )
    return text


def _key_of(request: Request) -> str | None:
    """The client's own key of the request, with which it may send it again."""
    key = request.headers.get("idempotency-key")
    return key if key and len(key) <= MAX_KEY else None


async def _thread_of(request: Request, asked: ChatRequest, owner: str, conversations: Conversations) -> str | None:
    """The thread of the owner's that the client means; ``None``: a new one."""
    named: Any = next((request.headers[name] for name in _THREAD_HEADERS if request.headers.get(name)), None)
    if named is None and len(asked.metadata) > MAX_METADATA:
        named = 0
    elif named is None and asked.metadata:
        metadata = msgspec.json.decode(asked.metadata)
        named = metadata.get("thread_id") if isinstance(metadata, dict) else None
    if named is None or named == "":
        return None
    if not isinstance(named, str) or len(named) > MAX_CLIENT_ID:
        raise FrameRefused(
            f"The id of a conversation is a text of at most {MAX_CLIENT_ID} characters, in metadata of {MAX_METADATA:,} bytes.",
            field="metadata.thread_id",
            hint="Use any text of your own, or the id of a thread of yours.",
            point=door_points.DOOR_THREAD,
        )
    if is_valid_id(named):
        try:
            return (await conversations.owned_thread(owner, named)).thread_id
        except NotFound:  # another's is as one that is not there
            pass
    return alias(owner, _DOOR, named)


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
