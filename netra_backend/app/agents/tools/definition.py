"""What a tool is: a name, a schema, a permission, and an async function of (context, arguments).

Identity never comes from arguments: a tool reads ``context.user_id`` and nothing else to know whose data it works on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from ...core.identity import EVERYBODY
from ...services.user_execution_context import UserExecutionContext


class ToolArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of every tool's argument schema: unknown names are refused, values are converted by msgspec."""


A = TypeVar("A", bound=ToolArguments)


@dataclass(frozen=True)
class Tool(Generic[A]):
    """One tool.

    ``call`` gets the caller's context and validated arguments and returns plain JSON (dicts, lists, str, int, float,
    bool, None; money as str of Decimal). It raises ``ToolError`` for a typed answer such as ``NO_DATA``; anything else
    it raises is reported as ``TOOL_FAILED``. It must tolerate cancellation at every await.

    ``idempotent``: may be called again after a crash. A tool is not unless it says so: it is called at most once; after a crash
    its outcome is reported as ``OUTCOME_UNKNOWN``. ``approval``: its user must agree to each call; a text says why.
    ``permission`` is the scope a user needs; ``None``: every signed-in user may. ``timeout_s`` bounds one call; ``None``: a
    limit of the server does. ``secret_arguments`` are shown as ``***`` in events and logs. In results, and in the errors of a
    tool, what has the shape of a secret (a token, a key, a password in an address), or stands under a name such as
    ``password`` or ``api_key``, is shown so, too, to the agent as to the user; ``redact=False`` leaves results as they are,
    for a tool whose answer is such a secret."""

    name: str
    description: str
    arguments: type[A]
    call: Callable[[UserExecutionContext, A], Awaitable[Any]]
    _: KW_ONLY
    permission: str | None = None
    idempotent: bool = False
    approval: bool | str = False
    timeout_s: float | None = None
    secret_arguments: frozenset[str] = field(default_factory=frozenset)
    redact: bool = True

    @property
    def needed_scope(self) -> str:
        """The scope that a user must have to call it."""
        return EVERYBODY if self.permission is None else self.permission
