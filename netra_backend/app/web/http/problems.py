"""Problems (RFC 9457): how a refusal or a fault leaves over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.responses import Response

from ...core.errors import NetraError, Refusal, ToolError
from ...core.exhaustion import fault_of
from ...core.identity import Identity
from ...services.audit_trail import AuditTrail
from .endpoint import NO_STORE, encode_json

_LOG: Final = logging.getLogger("netra.http")
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


def problem_of(error: NetraError, error_id: str | None = None, base: str = "") -> Problem:
    """The problem of an error: the catalogue's id and status, what happened, what to do. ``base`` is the server's address."""
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


def retry_after(status: int, wait_ms: int | None) -> str | None:
    """The ``Retry-After`` of an answer with this status, in whole seconds (RFC 9110, 10.2.3); ``None`` if it has none."""
    return str(max(1, -(-(wait_ms or 1000) // 1000))) if status in (429, 503) else None


def problem_response(problem: Problem) -> Response:
    """The response that carries a problem."""
    headers = dict(NO_STORE)
    if (wait := retry_after(problem.status, problem.retry_after_ms)) is not None:
        headers["Retry-After"] = wait
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(encode_json(problem), problem.status, headers, PROBLEM)


class ProblemReporter:
    """Turns what a handler raised into a problem, and records or logs it as its kind asks for."""

    def __init__(self, audit_trail: AuditTrail, mint: Callable[[str], str], public_url: str | None) -> None:
        self._audit_trail = audit_trail
        self._mint = mint
        self._base = public_url or ""

    def report(self, error: Exception, identity: Identity | None = None, address: str = "") -> Problem:
        """The problem of an error; ``address`` is the client's.

        One that is not of the catalogue is ``internal``, and is known by an id that the log has."""
        if not isinstance(error, NetraError):
            fault = fault_of(error)
            if fault.entry.id != "internal":
                _LOG.error("request failed: %s", fault.message)
            error = fault
        if isinstance(error, Refusal):
            self._audit_trail.record_refusal(identity.user_id if identity else None, error, address=address)
        error_id = None
        if error.entry.id == "internal":
            error_id = self._mint("err")
            _LOG.error("request failed", exc_info=error, extra={"error_id": error_id})
        return problem_of(error, error_id, self._base)
