"""``/api/chat``: the chats of the AI SDK (``useChat``, ``DefaultChatTransport``). A chat is a thread, a run one message of it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Final, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core import questions
from ...core.doors.ai_sdk import Asked, Chunk, MessageFold, UiMessage, asked_in, run_id_of
from ...core.errors import NotFound
from ...core.frames import MAX_FIELD, AnswerQuestion, ExecuteAgent
from ...core.history import StoredRun
from ...core.identity import Identity
from ...ports import EventLog
from ...runs.requester import RemoteRequester
from ...runs.service import RunService
from ..http.client_address import address_of
from ..http.endpoint import NO_STORE, Endpoint, Query
from ..http.request_query import name
from .device import Closed, Device, Devices
from .entry import Entry
from .event_stream import COMMENT, DONE, EVENT_STREAM, EventStream, data

_PROTOCOL: Final = "ai-sdk"
_BY: Final = "http"
_LOOKED_AT: Final = 20
"""So many of the newest runs of a chat are looked at for one that goes on."""
_HEADER: Final = {"x-vercel-ai-ui-message-stream": "v1"}


class ChatMessages(msgspec.Struct, frozen=True):
    """``id`` is the chat, in the client's own words. Of the ``messages`` the newest counts: words of the user, or decisions on
    calls. ``agent`` is who is asked; without it, who is asked by default. Other fields are taken and ignored."""

    id: str
    messages: list[UiMessage]
    trigger: Literal["submit-message", "regenerate-message"] = "submit-message"
    messageId: str | None = None  # as the protocol spells it
    agent: str | None = None


def ai_sdk_endpoints(devices: Devices, entry: Entry, log: EventLog, runs: RunService) -> list[Endpoint]:
    """The endpoints of this door."""

    async def chat(request: Request, identity: Identity) -> Response:
        thread_id, newest, wanted = await _read(request, identity)
        if wanted is None:
            run = await _run_of(identity.user_id, newest.message_id, thread_id)
            return await _attached(request, identity, run, newest)
        device, close = await devices.open(identity, address_of(request))
        try:
            accepted = await device.start(wanted)
        except BaseException:
            close()
            raise
        fold = MessageFold(accepted.run_id or "")
        return EventStream(_streamed(device, fold, -1, -1, entry.limits.door_comment_s), close, _HEADER)

    async def _read(request: Request, identity: Identity) -> tuple[str | None, Asked, ExecuteAgent | None]:
        """The chat's thread, what its newest message brings, and the request for a run, unless it brings decisions; of the
        conversation nothing else is kept."""
        asked = await entry.read(request, identity, ChatMessages)
        thread_id = await entry.thread_of(identity.user_id, _PROTOCOL, asked.id, "id")
        newest = asked_in(asked.messages)
        if newest is not None and newest.decisions:
            return thread_id, newest, None
        text = entry.checked(None if newest is None else newest.text)
        newest = newest or Asked("")
        superseded = None
        if asked.trigger == "regenerate-message":
            superseded = await _superseded(identity.user_id, asked.messageId, thread_id)
        wanted = ExecuteAgent(
            asked.agent or name(request, "agent", MAX_FIELD),
            text,
            _key(thread_id or "", asked.trigger, superseded or "", newest.message_id),
            thread_id,
            supersedes=superseded,
            client_run_id=newest.message_id[:MAX_FIELD],
        )
        return thread_id, newest, wanted

    async def resume(request: Request, identity: Identity) -> Response:
        thread_id = await entry.thread_of(identity.user_id, _PROTOCOL, request.path_params["chat_id"], "id")
        listed = await log.runs(identity.user_id, limit=_LOOKED_AT, thread_id=thread_id or "") if thread_id else []
        going_on = [each.run for each in listed if not each.run.ended_seq and each.run.thread_id == thread_id]
        if not going_on:
            return Response(status_code=204, headers=NO_STORE)
        return await _attached(request, identity, going_on[-1], Asked("", cursor=-1))

    async def _attached(request: Request, identity: Identity, run: StoredRun, brought: Asked) -> Response:
        """The stream of a run that has begun, of which the client has what stands up to a position; decisions on its calls are
        taken first, while the sign-in stands."""
        head = await entry.conversations.owned_thread(identity.user_id, run.thread_id)
        device, close = await devices.open(identity, address_of(request))
        try:
            is_decided = await _decide(device, identity.user_id, run.run_id, brought.decisions)
        except BaseException:
            close()
            raise
        device.attach(run.run_id, run.thread_id, head.epoch, run.seq)
        fold, comment_s = MessageFold(run.run_id), entry.limits.door_comment_s
        waits_from = brought.cursor + is_decided  # what was decided is followed by more
        return EventStream(_streamed(device, fold, brought.cursor, waits_from, comment_s), close, _HEADER)

    async def _decide(device: Device, owner: str, run_id: str, decisions: Sequence[tuple[str, bool, str]]) -> bool:
        """Answer what the run asks; what is no question of its is passed over. The first ones count, as many as a run may ask.
        Returns whether any was taken."""
        is_decided = False
        asked = [each for each in decisions if questions.run_id_of(each[0]) == run_id][: entry.limits.run_questions]
        for approval_id, approved, reason in asked:
            if not device.is_open:  # the sign-in has ended, and its stream says so
                break
            requester = RemoteRequester(owner)
            answer = {"decision": "approve" if approved else "deny"} | ({"reason": reason} if reason else {})
            try:
                await runs.commands.answer(requester, AnswerQuestion(approval_id, answer), by=_BY)
                await requester.stored(entry.limits.decision_s)
                is_decided = True
            except NotFound:  # it was decided elsewhere, or has expired: the stream says how
                continue
        return is_decided

    async def _run_of(owner: str, message_id: str, thread_id: str | None) -> StoredRun:
        return await entry.conversations.owned_run(owner, run_id_of(message_id) or "", thread_id)

    async def _superseded(owner: str, message_id: str | None, thread_id: str | None) -> str | None:
        """The run whose answer is to be made again: the one that is named, else the newest one of the chat."""
        named = run_id_of(message_id) if message_id else None
        if named:
            return (await entry.conversations.owned_run(owner, named, thread_id)).run_id
        listed = await log.runs(owner, limit=1, thread_id=thread_id or "")
        return listed[0].run.run_id if listed else None

    return [
        Endpoint(
            method="POST",
            path="/api/chat",
            name="chat",
            about="Ask an agent as the AI SDK's useChat does; the answer comes as it is made. Leaving stops no run.",
            handler=chat,
            body=ChatMessages,
            media=EVENT_STREAM,
            query=(Query("agent", str, "Who is asked, if the body does not say."),),
            refusals=(
                "invalid_frame",
                "unsupported_media",
                "not_found",
                "unknown_agent",
                "invalid_answer",
                "transfer_limit",
                "connection_limit",
                "run_limit",
                "isolation_violation",
                "draining",
            ),
        ),
        Endpoint(
            method="GET",
            path="/api/chat/{chat_id}/stream",
            name="resumeChat",
            about="The answer that is being made in a chat, from its beginning; 204 if there is none.",
            handler=resume,
            media=EVENT_STREAM,
            also=(204,),
            refusals=("invalid_frame", "connection_limit", "draining"),
        ),
    ]


def _key(*words: str) -> str:
    """The idempotency key of a request: the same message of the same chat, asked in the same way, is one run."""
    text = "\0".join(words).encode("utf-8", "surrogatepass")
    return f"{_PROTOCOL}:{hashlib.blake2b(text, digest_size=20).hexdigest()}"


async def _streamed(
    device: Device, fold: MessageFold, after: int, waits_from: int, comment_s: float
) -> AsyncGenerator[bytes, None]:
    """The chunks of the run, to its end or until it waits for an approval at the position ``waits_from`` or later; those up to
    ``after`` are left out, and the message goes on."""
    begins = after >= 0
    while not fold.is_over:
        if fold.waits and device.is_up_to_date and device.seq >= waits_from:
            yield _written(fold.interrupted(device.seq))
            break
        try:
            events = await device.next(comment_s)
        except Closed as closed:
            yield _written([{"type": "error", "errorText": closed.text}])
            break
        chunks: list[Chunk] = []
        for event in events:
            news = list(fold.take(event))
            if event.seq > after:
                chunks += [*fold.begins({}), *news] if begins else news
                begins = False
        yield _written(chunks) or COMMENT
    yield DONE


def _written(chunks: Iterable[Chunk]) -> bytes:
    return b"".join(data(chunk) for chunk in chunks)
