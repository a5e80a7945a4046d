"""What a user reads of a model request that failed: the same words for every agent and every library."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from ...distribution import install_hint
from ..core.errors import DependencyUnavailable

_UNAUTHORIZED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def told(fault: BaseException) -> str:
    """What failed, in one sentence: never the provider's own words, which may quote a key. Libraries of providers have no
    common errors, but common names and attributes of them."""
    fault = _first(fault)
    if isinstance(fault, ImportError):
        return "The package for this model is not installed."
    status = getattr(fault, "status_code", None)
    if isinstance(status, int) and status:
        return f"The language model's provider refused the request (status {status})."
    names = [each.__name__ for each in type(fault).__mro__]
    if any("Timeout" in name for name in names):
        return "The language model did not answer in time."
    if any("Connect" in name for name in names):
        return "The language model's provider cannot be reached."
    return f"The language model request failed ({type(fault).__name__})."


def unavailable(fault: BaseException) -> DependencyUnavailable:
    """The error that such a failure ends a run with, if its agent does not catch it."""
    fault = _first(fault)
    if isinstance(fault, ImportError):
        return DependencyUnavailable(told(fault), hint=install_hint("models"))
    hint = None
    if getattr(fault, "status_code", None) in _UNAUTHORIZED:
        hint = "The server's key for the provider is missing or wrong: the operator sets it."
    return DependencyUnavailable(told(fault), hint=hint, retry_after_ms=5000)


def _first(fault: BaseException) -> BaseException:
    """Of a group, the failure that came first."""
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return fault
