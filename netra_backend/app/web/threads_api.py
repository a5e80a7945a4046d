"""``/api/threads`` and ``/api/runs``: a user's conversations over HTTP."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..core import validation
from ..core.errors import FrameRefused
from ..core.identity import Identity
from ..services.conversations import TITLE_CHARACTERS
from .http_support import door, json_response
from .runtime import Runtime

_MAX_THREADS: Final = 200
_MAX_BODY: Final = 4096


class _Title(msgspec.Struct, forbid_unknown_fields=True):
    title: str


def thread_routes(runtime: Runtime) -> list[Route]:
    """The routes of conversations."""

    async def threads(request: Request, identity: Identity) -> Response:
        search = request.query_params.get("search", "")[:TITLE_CHARACTERS]
        before = _number(request, "before", None, 0, 1 << 62)
        limit = _number(request, "limit", 50, 1, _MAX_THREADS)
        assert limit is not None
        found = await runtime.log.threads(identity.user_id, limit=limit, search=search, before_ms=before)
        return json_response({"threads": found})

    async def events(request: Request, identity: Identity) -> Response:
        head = await runtime.conversations.owned_thread(identity.user_id, request.path_params["thread_id"])
        after = _number(request, "after", 0, 0, 1 << 62)
        assert after is not None
        frames: list[bytes] = []
        async for page in runtime.log.pages(head, after, head.durable):
            frames = page
            break
        listed = [msgspec.Raw(frame) for frame in frames]
        return json_response({"epoch": head.epoch, "oldest": head.oldest, "top": head.durable, "events": listed})

    async def rename(request: Request, identity: Identity) -> Response:
        head = await runtime.conversations.owned_thread(identity.user_id, request.path_params["thread_id"])
        title = _title(await _body(request))
        await runtime.log.rename(head, title)
        return json_response({"thread_id": head.thread_id, "title": title})

    async def delete(request: Request, identity: Identity) -> Response:
        head = await runtime.conversations.owned_thread(identity.user_id, request.path_params["thread_id"])
        await runtime.turns.stop_thread(head, "user")
        await runtime.log.delete_thread(head)
        runtime.audit_trail.happened(identity.user_id, "thread_deleted", thread_id=head.thread_id)
        return json_response({"deleted": head.thread_id})

    async def run(request: Request, identity: Identity) -> Response:
        stored = await runtime.conversations.owned_run(identity.user_id, request.path_params["run_id"])
        frames = await runtime.log.run_frames(stored)
        shown: dict[str, Any] = {
            "run_id": stored.run_id,
            "thread_id": stored.thread_id,
            "agent": stored.agent,
            "created_ms": stored.created_ms,
            "ended": stored.ended_seq > 0,
            "events": [msgspec.Raw(frame) for frame in frames],
        }
        return json_response(shown)

    return [
        Route("/api/threads", door(runtime, threads)),
        Route("/api/threads/{thread_id}", door(runtime, rename), methods=["PATCH"]),
        Route("/api/threads/{thread_id}", door(runtime, delete), methods=["DELETE"]),
        Route("/api/threads/{thread_id}/events", door(runtime, events)),
        Route("/api/runs/{run_id}", door(runtime, run)),
    ]


def _number(request: Request, name: str, default: int | None, least: int, most: int) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 18 or not least <= int(text) <= most:
        raise FrameRefused(
            f"{name} is a whole number from {least} to {most}.", field=name, point=validation.HTTP_QUERY_NUMBER
        )
    return int(text)


def _title(body: bytes) -> str:
    title = ""
    with suppress(msgspec.DecodeError, RecursionError):
        title = " ".join(msgspec.json.decode(body, type=_Title).title.split())
    if not 0 < len(title) <= TITLE_CHARACTERS:
        raise FrameRefused(
            f'Send {{"title": …}} of 1 to {TITLE_CHARACTERS} characters.', field="title", point=validation.HTTP_TITLE
        )
    return title


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MAX_BODY:
            raise FrameRefused(f"At most {_MAX_BODY} bytes.", kind="payload_too_large", point=validation.HTTP_BODY_SIZE)
    return body
