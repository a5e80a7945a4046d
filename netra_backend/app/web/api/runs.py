"""``/api/runs``: one run, as events and as a result that a page can show."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core import validation
from ...core.errors import NotFound
from ...core.events import AgentCompleted, AnyEvent, decode_event
from ...core.identity import Identity
from ...ports import EventLog
from ...services.conversations import Conversations
from ..http.endpoint import HTML, Endpoint, json_response
from ..http.safe_html import safe_html

E_ = TypeVar("E_")


class Run(msgspec.Struct, Generic[E_], frozen=True):
    """A run with all its events so far."""

    run_id: str
    thread_id: str
    agent: str
    created_ms: int
    ended: bool
    events: list[E_]


def run_endpoints(log: EventLog, conversations: Conversations) -> list[Endpoint]:
    """The endpoints of runs."""

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
                hint="A run has one when it ends with agent_completed.",
                point=validation.RUN_RESULT,
            )
        html = await asyncio.to_thread(safe_html, str(last.result.get("text", "")))
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; sandbox"}
        return Response(html, 200, headers, f"{HTML}; charset=utf-8")

    return [
        Endpoint(
            method="GET",
            path="/api/runs/{run_id}",
            name="readRun",
            about="A run with all its events so far.",
            handler=run,
            answer=Run[AnyEvent],
            refusals=("not_found",),
        ),
        Endpoint(
            method="GET",
            path="/api/runs/{run_id}/html",
            name="readResult",
            about="The result of a run that has completed, as an HTML fragment without scripts, styles, forms and images.",
            handler=result,
            media=HTML,
            refusals=("not_found",),
        ),
    ]
