"""``/api/approvals``: tool calls that wait for their user's word."""

from __future__ import annotations

import asyncio
from typing import Final, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core.errors import DependencyUnavailable
from ...core.frames import ResolveApproval
from ...core.identity import Identity
from ...core.limits import Limits
from ...core.peer_messages import WaitingCall
from ...runs.requester import RemoteRequester
from ...runs.service import RunService
from ..http.endpoint import Endpoint, json_response
from ..http.request_body import json_of

BY: Final = "http"
"""What ``approval_resolved`` tells as the one who decided, where it was no connection."""


class Approvals(msgspec.Struct, frozen=True):
    """Oldest first."""

    approvals: list[WaitingCall]


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``arguments_hash`` is the one that was shown: a decision counts for those arguments and no others."""

    decision: Literal["approve", "deny"]
    arguments_hash: str


class Decided(msgspec.Struct, frozen=True):
    approval_id: str
    decision: str


def approval_endpoints(runs: RunService, limits: Limits) -> list[Endpoint]:
    """The endpoints of approvals."""

    async def waiting(_: Request, identity: Identity) -> Response:
        return json_response(Approvals(await runs.commands.approvals(identity.user_id)))

    async def decide(request: Request, identity: Identity) -> Response:
        word = await json_of(request, Word, limits)
        approval_id = request.path_params["approval_id"]
        requester = RemoteRequester(identity.user_id)
        frame = ResolveApproval(approval_id, word.decision, word.arguments_hash)
        await runs.commands.resolve(requester, frame, by=BY)
        try:
            async with asyncio.timeout(limits.decision_s):
                await requester.answer
        except TimeoutError:
            raise DependencyUnavailable(
                "The decision was accepted, but the server does not know yet whether it is stored.", retry_after_ms=1000
            ) from None
        return json_response(Decided(approval_id, word.decision))

    return [
        Endpoint(
            method="GET",
            path="/api/approvals",
            name="listApprovals",
            about="Your tool calls that wait for approval.",
            handler=waiting,
            answer=Approvals,
        ),
        Endpoint(
            method="POST",
            path="/api/approvals/{approval_id}",
            name="decideApproval",
            about="Approve or deny a tool call. The first decision counts.",
            handler=decide,
            body=Word,
            answer=Decided,
            refusals=("not_found", "invalid_frame"),
        ),
    ]
