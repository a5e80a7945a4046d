"""Every error that Netra raises; ``core.error_catalogue`` lists the errors that clients may receive.

The tree::

    NetraError
    ├── Refusal                          a validation point said no
    │   ├── InvalidContextError          ValueError        ids, metadata, forged contexts
    │   ├── FrameRefused                 ValueError        a client frame that is not of the protocol
    │   ├── FactoryRefused               RuntimeError      a factory or bridge that cannot serve
    │   │   ├── ExecutionEngineFactoryError
    │   │   └── FactoryInitializationError
    │   ├── IsolationRefused             PermissionError   identity or ownership does not match
    │   │   └── SSotIsolationError
    │   ├── AuthenticationRefused        PermissionError   who are you
    │   ├── ToolRefused                  PermissionError   a tool that is unknown, not allowed or called wrongly
    │   ├── BudgetRefused                RuntimeError      a model request beyond a run budget
    │   ├── QueryRejected                ValueError        a query outside what may be asked
    │   ├── EgressRefused                PermissionError   an outbound call to an address that none may reach
    │   ├── NotFound                     LookupError       absent, or not yours: the same bytes
    │   ├── LimitRefused                 RuntimeError      an admission limit
    │   └── ConfigurationError           ValueError        settings that do not hold, all at once
    ├── Fault                            RuntimeError      what went wrong without being anybody's trespass
    │   ├── DependencyUnavailable
    │   └── ToolError                                      a tool's typed answer: NO_DATA, BAD_ROWS, …
    └── ExtensionError                   ValueError        an app, agent or tool of somebody else that cannot be served
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from .error_catalogue import CATALOGUE
from .former_names import former_names
from .quoting import quoted_whole
from .validation import Point


class NetraError(Exception):
    """The root. ``kind`` names a row of ``CATALOGUE``; the message says what happened, for people.

    ``field`` is the path of what was wrong (``thread_id``, ``context.user_id``), ``hint`` what to do if that is more
    precise than the catalogue's own.
    """

    kind: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str,
        *,
        kind: str | None = None,
        field: str | None = None,
        hint: str | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.entry = CATALOGUE[kind or self.kind]
        self.field = field
        self.hint = hint or self.entry.hint
        self.retry_after_ms = retry_after_ms

    def __str__(self) -> str:
        return self.message


class Refusal(NetraError):
    """A validation point said no; ``point`` is that point."""

    def __init__(
        self,
        message: str,
        *,
        point: Point,
        kind: str | None = None,
        field: str | None = None,
        hint: str | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(message, kind=kind, field=field, hint=hint, retry_after_ms=retry_after_ms)
        self.point = point


class InvalidContextError(Refusal, ValueError):
    """An id, a context or its metadata that may not enter."""

    kind = "invalid_context"


class FrameRefused(Refusal, ValueError):
    """A client frame that is not of the protocol."""

    kind = "invalid_frame"


class FactoryRefused(Refusal, RuntimeError):
    """A factory that was not configured, or a dependency of it that cannot serve."""

    kind = "factory_refused"


class ExecutionEngineFactoryError(FactoryRefused):
    """No engine can be made for this user."""


class FactoryInitializationError(FactoryRefused):
    """No WebSocket manager can be made."""


class IsolationRefused(Refusal, PermissionError):
    """An identity or an owner that does not match."""

    kind = "isolation_violation"


class SSotIsolationError(IsolationRefused):
    """Two sources of truth for one identity: a context, dispatcher or owner that is not the one bound at birth."""


class AuthenticationRefused(Refusal, PermissionError):
    """No token, a bad one, or one that no longer counts."""

    kind = "unauthenticated"


class ToolRefused(Refusal, PermissionError):
    """A tool that is unknown, not allowed, or called with arguments that do not fit. ``code`` is its tool error code."""

    kind = "forbidden"

    def __init__(
        self, message: str, *, code: str, point: Point, field: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, point=point, field=field, hint=hint)
        self.code = _tool_code(code)


class RunRefused(Refusal, RuntimeError):
    """A run that was under way may not go on."""

    kind = "agent_crashed"


class BudgetRefused(Refusal, RuntimeError):
    """A request to a language model that its user's run budget does not allow."""

    kind = "budget_exceeded"


class QueryRejected(Refusal, ValueError):
    """A query outside of what may be asked; the tool error ``QUERY_REJECTED``."""

    kind = "forbidden"
    code = "QUERY_REJECTED"


class EgressRefused(Refusal, PermissionError):
    """An outbound call to an address that none may reach; the tool error ``ADDRESS_NOT_ALLOWED``."""

    kind = "forbidden"
    code = "ADDRESS_NOT_ALLOWED"


class NotFound(Refusal, LookupError):
    """Absent or not yours; which of the two is not disclosed."""

    kind = "not_found"


class LimitRefused(Refusal, RuntimeError):
    """An admission limit."""

    kind = "rate_limited"


class ConfigurationError(Refusal, ValueError):
    """Settings that do not hold; ``faults`` lists all of them, each with what to do."""

    def __init__(self, faults: list[str], *, point: Point) -> None:
        super().__init__("\n".join(faults), point=point)
        self.faults = faults


class Fault(NetraError, RuntimeError):
    """What went wrong without being anybody's trespass."""


class DependencyUnavailable(Fault):
    """A service that is needed does not answer."""

    kind = "dependency_unavailable"


_is_tool_code: Final = re.compile("[A-Z][A-Z0-9_]{0,39}").fullmatch


def _tool_code(code: str) -> str:
    if not isinstance(code, str) or not _is_tool_code(code):
        raise ValueError(
            f"{quoted_whole(code)} is not a tool error code: use 1 to 40 capital letters, digits and underscores that begin "
            "with a letter, such as NO_DATA"
        )
    return code


class ToolError(Fault):
    """A tool's typed answer if it cannot give the one that was asked for.

    ``code`` is for programs: ``[A-Z][A-Z0-9_]{0,39}``. ``message`` and ``hint`` are for people: what happened, and what to do
    about it. ``details`` is JSON.
    """

    kind = "tool_fault"

    def __init__(self, code: str, message: str, hint: str = "", *, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, hint=hint or "Ask for something else, or tell the author of the tool.")
        self.code = _tool_code(code)
        self.details = dict(details or {})


class OutcomeUnknown(ToolError):
    """A step that acts only once had been started, and its outcome is not known: it is not performed again."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "OUTCOME_UNKNOWN",
            f"{name} had started, but its outcome is unknown.",
            hint="Check what it did before you start it again.",
        )


class StateConflict(ToolError):
    """A value was not set: another one is there than was expected, or than the run had read. Nothing was changed."""

    def __init__(self, key: str) -> None:
        super().__init__(
            "STATE_CONFLICT",
            f"The value of {key} was changed by somebody else.",
            hint="Read it again, and set what follows from that.",
        )


class ExtensionError(NetraError, ValueError):
    """What ``--app`` or an entry point names cannot be served; ``faults`` lists all reasons, a sentence each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


if not TYPE_CHECKING:  # pragma: no branch  # type checkers know no former name
    __getattr__ = former_names(__name__, {"ToolFault": (__name__, "netra_server.ToolError")})
