"""``/api/runs``: a user's runs, and one run as events and as a result that a page can show."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core import validation
from ...core.errors import NotFound
from ...core.events import AgentCompleted, Event, KnownEvent, decode_event
from ...core.history import RunPlace, StoredRun
from ...core.identity import Identity
from ...ports import EventLog
from ...services.conversations import Conversations
from ...services.run_summaries import RunSummary, summary_of
from ..http.endpoint import HTML, JSON, NO_STORE, Endpoint, Query, encode_json, json_response
from ..http.ndjson import PartsResponse
from ..http.request_query import FAR, number, text
from ..http.while_there import while_there

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


Render = Callable[[str, str], Coroutine[Any, Any, str]]
"""Makes HTML for this user of this Markdown."""


def run_endpoints(log: EventLog, conversations: Conversations, render: Render) -> list[Endpoint]:
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
        pages = log.run_pages(stored)
        first: list[bytes] = await anext(pages, [])  # what refuses does so before the answer begins
        told = (stored.run_id, stored.thread_id, stored.agent, stored.created_ms, stored.ended_seq > 0)
        return PartsResponse(_parts(Run(*told, []), first, pages), headers={**NO_STORE, "Content-Type": JSON})

    async def result(request: Request, identity: Identity) -> Response:
        stored = await conversations.owned_run(identity.user_id, request.path_params["run_id"])
        last: Any = await _end_of(log, stored)
        if not isinstance(last, AgentCompleted):
            raise NotFound(
                "This run has no result.",
                field="run_id",
                hint="Only a run that completed has a result.",
                point=validation.RUN_RESULT,
            )
        html = await while_there(request, render(identity.user_id, str(last.result.get("text", ""))))
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


async def _parts(
    run: Run[msgspec.Raw], page: list[bytes], pages: AsyncIterator[list[bytes]]
) -> AsyncGenerator[bytes, None]:
    """The run as JSON, a page of its events in each part: a long one is nowhere whole."""
    begin, end = encode_json(run)[:-2], b"]}"
    yield begin + b",".join(page)
    async for more in pages:
        yield b"," + b",".join(more)
    yield end


async def _end_of(log: EventLog, run: StoredRun) -> Event | None:
    """The last event of a run that has ended."""
    head = await log.find(run.thread_id) if run.ended_seq else None
    if head is None:
        return None
    async for page in log.pages(head, run.ended_seq - 1, run.ended_seq):
        return decode_event(page[0])
    return None
