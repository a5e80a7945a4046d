"""``/api/approvals``: tool calls that wait for their user's word."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Final, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ..core.errors import DependencyUnavailable
from ..core.identity import Identity
from .door import Door
from .http_support import json_response
from .request_body import json_of
from .runtime import Runtime

BY: Final = "http"
"""What ``approval_resolved`` tells as the one who decided, where it was no connection."""

_PATIENCE_S: Final = 10.0


class Approval(msgspec.Struct, frozen=True):
    """One call that waits."""

    approval_id: str
    thread_id: str
    run_id: str
    tool: str
    arguments: dict[str, Any]
    arguments_hash: str
    expires_at: int


class Approvals(msgspec.Struct, frozen=True):
    """Oldest first."""

    approvals: list[Approval]


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``arguments_hash`` is the one that was shown: a decision counts for those arguments and no others."""

    decision: Literal["approve", "deny"]
    arguments_hash: str


class Decided(msgspec.Struct, frozen=True):
    approval_id: str
    decision: str


def approval_doors(runtime: Runtime) -> list[Door]:
    """The doors of approvals."""
    approvals = runtime.services.approvals

    async def waiting(_: Request, identity: Identity) -> Response:
        shown = [
            Approval(
                each.approval_id,
                each.thread_id,
                each.run_id,
                each.tool,
                dict(each.arguments),
                each.arguments_hash,
                each.expires_at_ms,
            )
            for each in approvals.of(identity.user_id)
        ]
        return json_response(Approvals(shown))

    async def decide(request: Request, identity: Identity) -> Response:
        word = await json_of(request, Word, runtime.settings.limits.body_idle_s)
        approval_id = request.path_params["approval_id"]
        recorded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        committed = partial(_settle, recorded)
        approvals.resolve(identity.user_id, approval_id, word.decision, word.arguments_hash, BY, committed)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await recorded
        except TimeoutError:
            raise DependencyUnavailable(
                "The decision was taken, but it is not known yet whether it was stored.", retry_after_ms=1000
            ) from None
        return json_response(Decided(approval_id, word.decision))

    return [
        Door(
            method="GET",
            path="/api/approvals",
            name="listApprovals",
            about="Your tool calls that wait for your word.",
            handler=waiting,
            answer=Approvals,
        ),
        Door(
            method="POST",
            path="/api/approvals/{approval_id}",
            name="decideApproval",
            about="Say your word about a tool call. The first word counts.",
            handler=decide,
            body=Word,
            answer=Decided,
            refusals=("not_found", "invalid_frame"),
        ),
    ]


def _settle(recorded: asyncio.Future[None]) -> None:
    if not recorded.done():
        recorded.set_result(None)
