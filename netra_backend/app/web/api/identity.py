"""``/api/me``, ``/api/audit`` and ``/api/tickets``: what a server knows of who asks."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core.identity import WEBSOCKET, Identity, TicketUse
from ...core.limits import Limits
from ...core.plans import Plans
from ...ports import Audit
from ...services.audit_trail import AuditTrail
from ...services.tickets import TicketOffice
from ..http.client_address import address_of
from ..http.endpoint import Endpoint, Query, json_response
from ..http.request_body import json_of
from ..http.request_query import number

_MAX_ROWS: Final = 1000


class Me(msgspec.Struct, frozen=True):
    """``expires_at_ms``: when the token expires; it is accepted for 30 seconds more. ``null`` for one that the server itself
    made."""

    user_id: str
    scopes: list[str]
    expires_at_ms: int | None
    limits: dict[str, int]


class AuditRow(msgspec.Struct, frozen=True):
    """What was refused, by which validation point, or what happened. A later row has a higher id."""

    id: int
    at_ms: int
    event: str
    point: str | None
    detail: dict[str, Any]


class AuditRows(msgspec.Struct, frozen=True):
    """Newest first."""

    rows: list[AuditRow]


class TicketWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the ticket is to open: one WebSocket, which is what no body asks for, or one GET of ``path``, with its query."""

    purpose: Literal["websocket", "download"] = "websocket"
    path: str = ""

    def use(self) -> TicketUse:
        return WEBSOCKET if self.purpose == "websocket" else TicketUse("download", self.path)


class TicketIssued(msgspec.Struct, frozen=True):
    """``ticket`` goes into a query string as ``ticket``, once, before ``expires_at_ms``."""

    ticket: str
    expires_at_ms: int


def identity_endpoints(
    *, limits: Limits, plans: Plans | None, audit: Audit, audit_trail: AuditTrail, tickets: TicketOffice
) -> list[Endpoint]:
    """The endpoints of who asks."""

    async def me(_: Request, identity: Identity) -> Response:
        mine = limits if plans is None else plans.of(identity.plan).limits
        return json_response(Me(identity.user_id, sorted(identity.scopes), identity.expires_at_ms, mine.told()))

    async def rows_of(request: Request, identity: Identity) -> Response:
        limit, before = number(request, "limit", 200, 1, _MAX_ROWS), number(request, "before", 0, 0, 1 << 62)
        rows = await audit.rows(identity.user_id, limit, before or None)
        return json_response(AuditRows([AuditRow(**row) for row in rows]))

    async def ticket(request: Request, identity: Identity) -> Response:
        wanted = await json_of(request, TicketWanted, limits, without=TicketWanted())
        made = await tickets.issue(identity, wanted.use())
        audit_trail.happened(identity.user_id, "ticket_issued", address=address_of(request))
        return json_response(TicketIssued(made.value, made.expires_at_ms), 201)

    return [
        Endpoint(
            method="GET",
            path="/api/me",
            name="readMe",
            about="Who you are, what you are allowed to do, until when, and your limits.",
            handler=me,
            answer=Me,
        ),
        Endpoint(
            method="GET",
            path="/api/audit",
            name="readAudit",
            about="What you were refused and what happened to your sign-ins, newest first.",
            handler=rows_of,
            answer=AuditRows,
            query=(
                Query("limit", int, f"The maximum number of rows: 1 to {_MAX_ROWS}; 200 by default."),
                Query("before", int, "Only rows with a lower id."),
            ),
            refusals=("invalid_frame",),
        ),
        Endpoint(
            method="POST",
            path="/api/tickets",
            name="issueTicket",
            about="A ticket that opens one WebSocket within 30 seconds, or with a purpose of download one GET of its path, "
            "for clients that can only give an address.",
            handler=ticket,
            body=TicketWanted,
            body_required=False,
            answer=TicketIssued,
            status=201,
            refusals=("invalid_frame",),
        ),
    ]
