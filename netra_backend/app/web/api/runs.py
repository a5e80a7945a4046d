"""``/api/runs``: a user's runs, and one run as events and as a result that a page can show."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Generic, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core import validation
from ...core.errors import NotFound
from ...core.events import AgentCompleted, KnownEvent, decode_event
from ...core.history import RunPlace
from ...core.identity import Identity
from ...ports import EventLog
from ...services.conversations import Conversations
from ...services.run_summaries import RunSummary, summary_of
from ..http.endpoint import HTML, Endpoint, Query, json_response
from ..http.request_query import FAR, number, text
from ..http.safe_html import safe_html

MAX_RUNS: Final = 200
DEFAULT_RUNS: Final = 50
E_ = TypeVar("E_")


class Run(msgspec.Struct, Generic[E_], frozen=True):
    """A run with all its events so far."""

    run_id: str
    thread_id: str
    agent: str
    created_ms: int
    ended: bool
    events: list[E_]


class NextRuns(msgspec.Struct, frozen=True):
    """The query of the next page."""

    before: int
    before_id: str
    before_seq: int


class Runs(msgspec.Struct, frozen=True):
    """The most recently written thread first, and of each thread the newest run first. ``next`` is null on the last page."""

    runs: list[RunSummary]
    next: NextRuns | None


def run_endpoints(log: EventLog, conversations: Conversations) -> list[Endpoint]:
    """The endpoints of runs."""

    async def runs(request: Request, identity: Identity) -> Response:
        limit = number(request, "limit", DEFAULT_RUNS, 1, MAX_RUNS)
        place = RunPlace(
            number(request, "before", FAR, 0, FAR),
            text(request, "before_id", 128),
            number(request, "before_seq", 0, 0, FAR),
        )
        thread_id = text(request, "thread_id", 128)
        if thread_id:
            await conversations.owned_thread(identity.user_id, thread_id)
        found = await log.runs(identity.user_id, limit=limit, thread_id=thread_id, after=place)
        last = found[-1] if len(found) == limit else None
        following = None if last is None else NextRuns(last.updated_ms, last.run.thread_id, last.run.seq)
        return json_response(Runs([summary_of(each) for each in found], following))

    async def run(request: Request, identity: Identity) -> Response:
        stored = await conversations.owned_run(identity.user_id, request.path_params["run_id"])
        frames = await log.run_frames(stored)
        return json_response(
            Run(
                stored.run_id,
                stored.thread_id,
                stored.agent,
                stored.created_ms,
                stored.ended_seq > 0,
                [msgspec.Raw(frame) for frame in frames],
            )
        )

    async def result(request: Request, identity: Identity) -> Response:
        stored = await conversations.owned_run(identity.user_id, request.path_params["run_id"])
        frames = await log.run_frames(stored) if stored.ended_seq else []
        last: Any = decode_event(frames[-1]) if frames else None
        if not isinstance(last, AgentCompleted):
            raise NotFound(
                "This run has no result.",
                field="run_id",
                hint="Only a run that completed has a result.",
                point=validation.RUN_RESULT,
            )
        html = await asyncio.to_thread(safe_html, str(last.result.get("text", "")))
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; sandbox"}
        return Response(html, 200, headers, f"{HTML}; charset=utf-8")

    return [
        Endpoint(
            method="GET",
            path="/api/runs",
            name="listOwnRuns",
            about="Your runs: the most recently written thread first, and of each thread the newest run first.",
            handler=runs,
            answer=Runs,
            query=(
                Query("thread_id", str, "Only the runs of this thread."),
                Query("limit", int, f"The maximum number of runs: 1 to {MAX_RUNS}; {DEFAULT_RUNS} by default."),
                Query("before", int, "The next page: before of the last page's next."),
                Query("before_id", str, "The next page: before_id of the last page's next."),
                Query("before_seq", int, "The next page: before_seq of the last page's next."),
            ),
            refusals=("not_found", "invalid_frame"),
        ),
        Endpoint(
            method="GET",
            path="/api/runs/{run_id}",
            name="readRun",
            about="A run with all its events so far.",
            handler=run,
            answer=Run[KnownEvent],
            refusals=("not_found",),
        ),
        Endpoint(
            method="GET",
            path="/api/runs/{run_id}/html",
            name="readResult",
            about="The result of a completed run, as an HTML fragment without scripts, styles, forms or images.",
            handler=result,
            media=HTML,
            refusals=("not_found",),
        ),
    ]
