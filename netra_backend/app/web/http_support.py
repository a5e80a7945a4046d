"""What every HTTP door shares: who asks, how JSON leaves, and how a refusal is told (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ..core.errors import CATALOGUE, Fault, NetraError, Refusal, ToolFault
from ..core.identity import Identity
from ..services.authentication import require_identity
from ..services.credentials import check_origin, read_credentials
from .runtime import Runtime

_LOG: Final = logging.getLogger("netra.http")
_ENCODE: Final = msgspec.json.Encoder(decimal_format="string").encode
Handler = Callable[[Request, Identity], Awaitable[Response]]


def json_response(value: Any, status: int = 200) -> Response:
    """``value`` as JSON; never kept by a cache: it is one user's."""
    return Response(_ENCODE(value), status, {"Cache-Control": "no-store"}, "application/json")


def problem(error: NetraError, error_id: str | None = None) -> Response:
    """A fault as problem+json: the catalogue's id and status, what happened, what to do."""
    entry = error.entry
    body: dict[str, Any] = {
        "type": f"/errors#{entry.id}",
        "title": entry.text,
        "status": entry.status,
        "detail": error.message,
        "error": entry.id,
        "hint": error.hint,
        "retryable": entry.retryable,
    }
    body |= {name: value for name, value in (("field", error.field), ("error_id", error_id)) if value is not None}
    if isinstance(error, ToolFault):
        body |= {"code": error.code, "details": error.details, "status": 422, "error": "tool_fault"}
    headers = {"Cache-Control": "no-store"}
    if body["status"] in (429, 503):
        headers["Retry-After"] = str(max(1, round((error.retry_after_ms or 1000) / 1000)))
    if body["status"] == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(_ENCODE(body), body["status"], headers, "application/problem+json")


def door(runtime: Runtime, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """A handler behind authentication; whatever it raises is told as a problem, and a refusal is recorded."""

    async def serve(request: Request) -> Response:
        identity: Identity | None = None
        try:
            settings = runtime.settings
            check_origin(request.scope, settings.allowed_origins, settings.public_url)
            identity = require_identity(await runtime.authentication.identify(read_credentials(request.scope)))
            return await handler(request, identity)
        except NetraError as error:
            return told(runtime, error, identity)
        except Exception as error:
            fault = Fault(CATALOGUE["internal"].text)
            fault.__cause__ = error
            return told(runtime, fault, identity)

    return serve


def told(runtime: Runtime, error: NetraError, identity: Identity | None) -> Response:
    """The response of a fault, which is recorded or logged as its kind asks for."""
    if isinstance(error, Refusal):
        runtime.audit_trail.refused(identity.user_id if identity else None, error)
    error_id = None
    if error.entry.id == "internal" and not isinstance(error, ToolFault):
        error_id = runtime.mint("err")
        _LOG.error("request failed", exc_info=error, extra={"error_id": error_id})
    return problem(error, error_id)
