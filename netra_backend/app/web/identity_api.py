"""``/api/me``, ``/api/audit`` and ``/api/tickets``: what a server knows of who asks."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..core.identity import Identity
from .http_support import door, json_response
from .runtime import Runtime

_AUDIT_ROWS: Final = 200


def identity_routes(runtime: Runtime) -> list[Route]:
    """The routes of identity."""

    async def me(_: Request, identity: Identity) -> Response:
        return json_response(
            {
                "user_id": identity.user_id,
                "scopes": sorted(identity.scopes),
                "expires_at_ms": identity.expires_at_ms,
                "limits": runtime.settings.limits.told(),
            }
        )

    async def audit(_: Request, identity: Identity) -> Response:
        return json_response({"rows": await runtime.audit.rows(identity.user_id, _AUDIT_ROWS)})

    async def ticket(_: Request, identity: Identity) -> Response:
        made = await runtime.tickets.issue(identity)
        runtime.audit_trail.happened(identity.user_id, "ticket_issued")
        return json_response({"ticket": made.value, "expires_at_ms": made.expires_at_ms}, 201)

    return [
        Route("/api/me", door(runtime, me)),
        Route("/api/audit", door(runtime, audit)),
        Route("/api/tickets", door(runtime, ticket), methods=["POST"]),
    ]
