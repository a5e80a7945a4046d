"""``/api/threads``: a user's conversations over HTTP."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core import validation
from ...core.errors import FrameRefused
from ...core.events import KnownEvent
from ...core.history import StoredThread
from ...core.identity import Identity
from ...core.limits import Limits
from ...ports import EventLog
from ...runs.service import RunService
from ...services.audit_trail import AuditTrail
from ...services.blobs import Blobs
from ...services.conversations import TITLE_CHARACTERS, Conversations
from ..http.client_address import address_of
from ..http.endpoint import ANY, NO_STORE, Endpoint, Query, attachment, json_response
from ..http.request_body import json_of
from ..http.request_query import FAR, number, text

_MAX_THREADS: Final = 200
E_ = TypeVar("E_")


class Threads(msgspec.Struct, frozen=True):
    """Newest first. ``before`` and ``before_id`` of the last one give the next page."""

    threads: list[StoredThread]


class Events(msgspec.Struct, Generic[E_], frozen=True):
    """One page; the last event's ``seq`` is the next page's ``after``, until it is ``top``."""

    epoch: str
    oldest: int
    top: int
    events: list[E_]


class Title(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str


class Renamed(msgspec.Struct, frozen=True):
    thread_id: str
    title: str


class Deleted(msgspec.Struct, frozen=True):
    """``deleted`` is the id, which is never given out again."""

    deleted: str


def thread_endpoints(
    *, log: EventLog, conversations: Conversations, runs: RunService, audit_trail: AuditTrail, limits: Limits
) -> list[Endpoint]:
    """The endpoints of conversations."""
    blobs = Blobs(log)

    async def threads(request: Request, identity: Identity) -> Response:
        found = await log.threads(
            identity.user_id,
            limit=number(request, "limit", 50, 1, _MAX_THREADS),
            search=text(request, "search", TITLE_CHARACTERS),
            before_ms=number(request, "before", FAR, 0, FAR),
            before_id=text(request, "before_id", 128),
        )
        return json_response(Threads(found))

    async def events(request: Request, identity: Identity) -> Response:
        head = await conversations.owned_thread(identity.user_id, request.path_params["thread_id"])
        frames: list[bytes] = []
        top = head.durable
        async for page in log.pages(head, number(request, "after", 0, 0, FAR), top):
            frames = page
            break
        return json_response(Events(head.epoch, head.oldest, top, [msgspec.Raw(frame) for frame in frames]))

    async def blob(request: Request, identity: Identity) -> Response:
        thread_id, ref = request.path_params["thread_id"], request.path_params["ref"]
        body, media = await blobs.owned(identity.user_id, thread_id, ref)
        return Response(body, headers=NO_STORE | attachment(media, ref))

    async def rename(request: Request, identity: Identity) -> Response:
        # The body first: between finding the thread and changing it there must be no time in which it can be deleted.
        wanted = await json_of(request, Title, limits)
        head = await conversations.owned_thread(identity.user_id, request.path_params["thread_id"])
        title = " ".join(wanted.title.split())
        if not 0 < len(title) <= TITLE_CHARACTERS:
            raise FrameRefused(
                f"A title must have 1 to {TITLE_CHARACTERS} characters.",
                field="title",
                hint="Choose a shorter title that is not blank.",
                point=validation.HTTP_TITLE,
            )
        await log.rename(head, title)
        return json_response(Renamed(head.thread_id, title))

    async def delete(request: Request, identity: Identity) -> Response:
        thread_id = request.path_params["thread_id"]
        await runs.commands.delete_thread(identity.user_id, thread_id)
        audit_trail.happened(identity.user_id, "thread_deleted", address=address_of(request), thread_id=thread_id)
        return json_response(Deleted(thread_id))

    before = (
        Query("before", int, "Only threads last written to before this time (ms since 1970 UTC)."),
        Query(
            "before_id",
            str,
            "Together with before: also the threads of exactly that time whose id sorts before this one.",
        ),
    )
    return [
        Endpoint(
            method="GET",
            path="/api/threads",
            name="listThreads",
            about="Your threads, the most recently written first.",
            handler=threads,
            answer=Threads,
            query=(
                Query("search", str, "Only threads whose title contains this."),
                Query("limit", int, f"The maximum number of threads: 1 to {_MAX_THREADS}; 50 by default."),
                *before,
            ),
            refusals=("invalid_frame",),
        ),
        Endpoint(
            method="GET",
            path="/api/threads/{thread_id}/events",
            name="listEvents",
            about="The events of a thread after a position, one page at a time.",
            handler=events,
            answer=Events[KnownEvent],
            query=(Query("after", int, "Only events with a higher seq."),),
            refusals=("not_found", "invalid_frame"),
        ),
        Endpoint(
            method="GET",
            path="/api/threads/{thread_id}/blobs/{ref}",
            name="readBlob",
            about="The bytes that an event of the thread names by ref, unless they are kept for replays alone.",
            handler=blob,
            media=ANY,
            refusals=("not_found",),
        ),
        Endpoint(
            method="PATCH",
            path="/api/threads/{thread_id}",
            name="renameThread",
            about="Change the title of a thread.",
            handler=rename,
            body=Title,
            answer=Renamed,
            refusals=("not_found", "invalid_frame"),
        ),
        Endpoint(
            method="DELETE",
            path="/api/threads/{thread_id}",
            name="deleteThread",
            about="Stop the runs of a thread and delete it for good. Its id is never used again.",
            handler=delete,
            answer=Deleted,
            refusals=("not_found",),
        ),
    ]
