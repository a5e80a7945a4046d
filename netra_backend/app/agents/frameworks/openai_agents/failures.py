"""A request to a model that failed: recorded so that the same exception is raised when it happens and on every replay."""

from __future__ import annotations

import json
from typing import Any, Final

import agents
import httpx2
import openai

from ....services import model_faults

_KEPT_HEADERS: Final = ("retry-after", "retry-after-ms", "x-should-retry", "x-request-id")
_STATUS: Final = {
    each.__name__: each
    for each in (
        openai.APIStatusError,
        openai.AuthenticationError,
        openai.BadRequestError,
        openai.ConflictError,
        openai.InternalServerError,
        openai.NotFoundError,
        openai.PermissionDeniedError,
        openai.RateLimitError,
        openai.UnprocessableEntityError,
    )
}
_SAID: Final = {each.__name__: each for each in (agents.ModelBehaviorError, agents.UserError)}


def encoded(fault: Exception) -> tuple[bytes, str] | None:
    """What is recorded of a failure, and what its user reads: never the provider's own words, which may quote a key. ``None``
    for one that is not told from others."""
    told = model_faults.told(fault)
    if isinstance(fault, openai.APIStatusError):
        name = next(each.__name__ for each in type(fault).__mro__ if each.__name__ in _STATUS)
        recorded: dict[str, Any] = {
            "failure": name,
            "message": fault.message,
            "status": fault.status_code,
            "headers": {key: fault.response.headers[key] for key in _KEPT_HEADERS if key in fault.response.headers},
            "url": str(fault.request.url),
            "body": fault.body,
        }
    elif isinstance(fault, openai.APITimeoutError):
        recorded = {"failure": "APITimeoutError", "message": fault.message, "url": str(fault.request.url)}
    elif isinstance(fault, openai.APIConnectionError):
        recorded = {"failure": "APIConnectionError", "message": fault.message, "url": str(fault.request.url)}
    elif type(fault).__name__ in _SAID and type(fault) is _SAID[type(fault).__name__]:
        recorded = {"failure": type(fault).__name__, "message": str(fault)}
        told = "The language model's answer cannot be used."
    else:
        return None
    return json.dumps(recorded, default=str).encode(), told


def decoded(recorded: dict[str, Any]) -> Exception | None:
    """The exception that was recorded; ``None`` if what was recorded is a response."""
    name = recorded.get("failure")
    if name is None:
        return None
    if name in _SAID:
        return _SAID[name](recorded["message"])
    request = httpx2.Request("POST", recorded["url"])
    if name == "APITimeoutError":
        return openai.APITimeoutError(request)
    if name == "APIConnectionError":
        return openai.APIConnectionError(message=recorded["message"], request=request)
    response = httpx2.Response(recorded["status"], headers=recorded["headers"], request=request)
    return _STATUS[name](recorded["message"], response=response, body=recorded["body"])
