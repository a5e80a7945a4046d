"""The closed catalogue of the errors that clients may receive: ``error`` values, close codes and HTTP statuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

FACTORY_REFUSAL_CODE: Final = 1011
"""Stands in the *frame* of a factory-validation refusal, by specification; never a close code of ours."""


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One row of the catalogue.

    ``close_code`` follows one rule: 4400–4499 reconnect (after what the frame says), 4500–4599 do not; ``None`` means
    that the condition alone never closes the socket. ``status`` is its HTTP status. ``code`` stands in the frame.
    """

    id: str
    text: str
    hint: str
    retryable: bool = False
    close_code: int | None = None
    status: int = 400
    code: int | None = None


CATALOGUE: Final[dict[str, ErrorKind]] = {}


def _kind(id: str, text: str, hint: str, **more: Any) -> None:
    CATALOGUE[id] = ErrorKind(id, text, hint, **more)


_kind(
    "unauthenticated",
    "You are not signed in, or your token is not valid.",
    "Sign in. Programs send a bearer token in the Authorization header, the WebSocket subprotocol or the first frame.",
    close_code=4501,
    status=401,
)
_kind(
    "auth_timeout",
    "No token arrived in time.",
    "Send the token within 10 seconds of connecting.",
    retryable=True,
    close_code=4402,
    status=401,
)
_kind("revoked", "This sign-in was revoked.", "Sign in again.", close_code=4503, status=401)
_kind(
    "token_not_yet_valid",
    "The token is not valid yet: a clock is off.",
    "Try again in a moment. If it lasts, set the clock of the server and that of the token's issuer.",
    retryable=True,
    close_code=4403,
    status=401,
)
_kind(
    "token_expired",
    "The token has expired.",
    "Sign in again or get a new token, then reconnect; nothing is lost.",
    retryable=True,
    close_code=4401,
    status=401,
)
_kind(
    "user_mismatch",
    "The address names a different user than the token.",
    "Connect with the user id that your token was issued for.",
    close_code=4504,
    status=403,
)
_kind(
    "forbidden", "You are not allowed to do this.", "Ask an operator for a token with the required scope.", status=403
)
_kind(
    "origin_refused", "This origin is not allowed.", "Ask the operator to add it to NETRA_ALLOWED_ORIGINS.", status=403
)
_kind("invalid_json", "The frame is not valid JSON.", "Send each frame as one UTF-8 JSON object.")
_kind("unknown_type", "The frame has an unknown type.", "See /asyncapi.json for the frames that clients can send.")
_kind("invalid_frame", "The fields of the request are not valid.", "See /asyncapi.json for the fields of each frame.")
_kind(
    "invalid_context",
    "Factory SSOT validation failed.",
    "Leave the id out to have one created. Otherwise start it with a letter or digit, use only letters, "
    "digits and . _ : -, and avoid placeholders.",
    code=FACTORY_REFUSAL_CODE,
)
_kind(
    "factory_command_refused",
    "Factory SSOT validation failed: clients cannot control factories.",
    "Send the ping without factory options.",
    code=FACTORY_REFUSAL_CODE,
)
_kind(
    "isolation_violation",
    "SSOT isolation: this belongs to another user.",
    "Leave the id out, or use one of your own.",
    status=403,
    code=FACTORY_REFUSAL_CODE,
)
_kind(
    "drill_refused",
    "SSOT isolation drills are not allowed on this server.",
    "Start the server with NETRA_ALLOW_DRILLS=1, or run the drill from outside: netra drill URL.",
    status=403,
)
_kind(
    "isolation_drill",
    "SSOT isolation drill: what two synthetic users tried, and how the server answered.",
    "An LEAKED row is a security fault in this server: tell the operator.",
    code=FACTORY_REFUSAL_CODE,
)
_kind("not_found", "Not found.", "Check the id; what you are looking for may have been deleted.", status=404)
_kind(
    "unknown_agent",
    "There is no agent with this name.",
    "Choose one of the agents that this server offers.",
    status=404,
)
_kind(
    "thread_busy",
    "A run is already in progress in this thread.",
    "Wait until it ends, or choose to queue the request or to interrupt the run.",
    retryable=True,
    status=409,
)
_kind(
    "rate_limited",
    "Too many requests.",
    "Slow down and try again in a moment.",
    retryable=True,
    close_code=4429,
    status=429,
)
_kind("run_limit", "Too many runs at once.", "Wait until a run ends, then try again.", retryable=True, status=429)
_kind(
    "connection_limit",
    "Too many connections.",
    "Close one of your other connections first.",
    retryable=True,
    close_code=4411,
    status=429,
)
_kind(
    "factory_not_configured",
    "The server is not ready yet: a factory is not configured.",
    "Try again shortly. If it keeps happening, tell the operator.",
    retryable=True,
    status=503,
)
_kind(
    "factory_refused",
    "Factory SSOT validation failed.",
    "Try again. If it keeps happening, give the operator the error id.",
    retryable=True,
    status=503,
    code=FACTORY_REFUSAL_CODE,
)
_kind(
    "dependency_unavailable",
    "A service that the server needs is unavailable.",
    "Try again in a moment; nothing that was accepted is lost.",
    retryable=True,
    status=503,
)
_kind(
    "slow_consumer",
    "This connection reads too slowly.",
    "Reconnect and resume; nothing is lost.",
    retryable=True,
    close_code=4408,
    status=503,
)
_kind(
    "no_pong",
    "The client did not answer a ping in time.",
    "Reconnect and resume.",
    retryable=True,
    close_code=4409,
    status=503,
)
_kind(
    "position_lost",
    "The client is ahead of the server's history.",
    "Reconnect, and resume from the position that the server sends.",
    retryable=True,
    close_code=4410,
    status=409,
)
_kind("too_many_faults", "Too many invalid frames.", "Fix the client; see /asyncapi.json.", close_code=4510)
_kind(
    "cross_user_delivery",
    "An event was about to reach another user and was stopped.",
    "This must never happen: tell the operator.",
    close_code=4530,
    status=500,
)
_kind("draining", "The server is shutting down.", "Reconnect; your runs continue.", retryable=True, status=503)
_kind(
    "unsupported_media",
    "The request body is of another media type than this endpoint takes.",
    "Send JSON, with Content-Type: application/json.",
    status=415,
)
_kind("payload_too_large", "The request is too large.", "Send less at once.", status=413)
_kind(
    "transfer_limit",
    "Too many uploads, exports and reports at once.",
    "Wait until one of yours has finished.",
    retryable=True,
    status=429,
)
_kind("too_slow", "The request arrived too slowly.", "Send it without long pauses.", retryable=True, status=408)
_kind("no_route", "There is nothing at this address.", "See /openapi.json for the available addresses.", status=404)
_kind(
    "method_refused",
    "This address does not support this method.",
    "The Allow header lists the methods that it supports.",
    status=405,
)
_kind(
    "tool_fault",
    "The request cannot be processed.",
    "Change the request as the message says, then try again.",
    status=422,
)
_kind(
    "invalid_answer",
    "The answer does not fit the question, which stays open.",
    "Answer as the question's schema says.",
    status=422,
)
_kind("conflict", "This has already been decided.", "Reload to see the current state.", status=409)
_kind(
    "budget_exceeded",
    "The budget for language models is used up.",
    "Wait until the day or month named in the message ends, or ask the operator for another plan.",
    retryable=True,
    status=429,
)
_kind(
    "model_unpriced",
    "The language model has no known price, and your budget is in dollars.",
    "Ask the operator to allow models without a price in your plan, or to configure another model.",
    status=409,
)
_kind(
    "agent_crashed",
    "The run was given up: it ended its process each time it was begun, or blocked it.",
    "Ask for something else, and give the operator the error id.",
    status=500,
)
_kind(
    "agent_changed",
    "The agent was changed while this run was under way, and the run cannot go on with its new code.",
    "Ask again.",
    retryable=True,
    status=409,
)
_kind(
    "internal",
    "Internal server error.",
    "Try again. If it keeps happening, give the operator the error id.",
    retryable=True,
    status=500,
)
