"""What every HTTP door shares: who asks, how JSON leaves, and how a refusal is told (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ...core.errors import CATALOGUE, AuthenticationRefused, Fault, NetraError, Refusal, ToolError
from ...core.identity import Identity
from ...server.runtime import Runtime
from ...services.authentication import require_identity, require_scope
from ...services.credentials import check_origin, read_credentials
from .anonymous_rate_limit import AnonymousRateLimit
from .client_address import client_address
from .endpoint import JSON, Endpoint

_LOG: Final = logging.getLogger("netra.http")
_ENCODE: Final = msgspec.json.Encoder(decimal_format="string").encode
_NO_STORE: Final = {"Cache-Control": "no-store"}
PROBLEM: Final = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A fault, as RFC 9457 has it. ``error`` is an id of the catalogue (``/errors``); ``code`` and ``details`` are a tool's."""

    type: str
    title: str
    status: int
    detail: str
    error: str
    hint: str
    retryable: bool
    field: str | None = None
    retry_after_ms: int | None = None
    error_id: str | None = None
    code: str | None = None
    details: dict[str, Any] | None = None


def json_response(value: Any, status: int = 200) -> Response:
    """``value`` as JSON; never kept by a cache: it is one user's."""
    return Response(_ENCODE(value), status, _NO_STORE, JSON)


def encode_line(value: Any) -> bytes:
    """``value`` as one line of JSON."""
    return _ENCODE(value) + b"\n"


def fault_of(error: Exception) -> NetraError:
    """The error as one of the catalogue: what is not of ours is a fault of ours."""
    if isinstance(error, NetraError):
        return error
    fault = Fault(CATALOGUE["internal"].text)
    fault.__cause__ = error
    return fault


def problem_of(error: NetraError, error_id: str | None = None, base: str = "") -> Problem:
    """A fault as it is told: the catalogue's id and status, what happened, what to do. ``base`` is the server's address."""
    entry = error.entry
    return Problem(
        type=f"{base}/errors#{entry.id}",
        title=entry.text,
        status=entry.status,
        detail=error.message,
        error=entry.id,
        hint=error.hint,
        retryable=entry.retryable,
        field=error.field,
        retry_after_ms=error.retry_after_ms,
        error_id=error_id,
        code=error.code if isinstance(error, ToolError) else None,
        details=error.details if isinstance(error, ToolError) else None,
    )


def problem_response(problem: Problem) -> Response:
    """The response that tells a problem."""
    headers = dict(_NO_STORE)
    if problem.status in (429, 503):
        headers["Retry-After"] = str(max(1, -(-(problem.retry_after_ms or 1000) // 1000)))
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(_ENCODE(problem), problem.status, headers, PROBLEM)


def told(runtime: Runtime, error: NetraError, identity: Identity | None = None) -> Problem:
    """What is told of a fault, which is recorded or logged as its kind asks for."""
    if isinstance(error, Refusal):
        runtime.audit_trail.refused(identity.user_id if identity else None, error)
    error_id = None
    if error.entry.id == "internal":
        error_id = runtime.mint("err")
        _LOG.error("request failed", exc_info=error, extra={"error_id": error_id})
    return problem_of(error, error_id, runtime.settings.public_url or "")


def serving(
    runtime: Runtime, door: Endpoint, strangers: AnonymousRateLimit
) -> Callable[[Request], Awaitable[Response]]:
    """A door's handler behind origin, authentication, scope and rate; whatever it raises is told as a problem."""

    def a_stranger_asks(request: Request) -> None:
        address = client_address(request.scope, runtime.settings.trusted_proxies)
        strangers.take(address, runtime.clock.monotonic())

    async def serve(request: Request) -> Response:
        identity: Identity | None = None
        try:
            if door.scope is None:
                a_stranger_asks(request)
                return await door.handler(request)
            try:
                identity = await admitted(runtime, request)
            except AuthenticationRefused:
                a_stranger_asks(request)
                raise
            require_scope(identity, door.scope)
            return await door.handler(request, identity)
        except ClientDisconnect:
            raise
        except Exception as error:
            return problem_response(told(runtime, fault_of(error), identity))

    return serve


async def admitted(runtime: Runtime, request: Request) -> Identity:
    """Whose request this is, once origin, token and rate hold. Raises ``AuthenticationRefused`` and ``LimitRefused``."""
    settings = runtime.settings
    check_origin(request.scope, settings.allowed_origins, settings.public_url)
    identity = require_identity(await runtime.authentication.identify(read_credentials(request.scope)))
    now = runtime.clock.monotonic()
    quota = runtime.quotas.of(identity.user_id, now)
    try:
        quota.take_request(now)
    finally:
        runtime.quotas.release(identity.user_id)
    return identity
