"""What a tool is: a name, a schema, a permission, and an async function of (context, arguments).

Identity never comes from arguments: a tool reads ``context.user_id`` and nothing else to know whose data it works on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ...services.user_execution_context import UserExecutionContext


class ToolArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of every tool's argument schema: unknown names are refused, values are converted by msgspec."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    ``call`` gets the caller's context and validated arguments and returns plain JSON (dicts, lists, str, int, float,
    bool, None; money as str of Decimal). It raises ``ToolError`` for a typed answer such as ``NO_DATA``; anything else
    it raises is reported as ``TOOL_FAILED``. It must tolerate cancellation at every await.

    ``idempotent``: may be called again after a crash. A tool that is not is called at most once; after a crash its
    outcome is reported as ``OUTCOME_UNKNOWN``. ``permission`` is the scope a user needs (every signed-in user has
    ``usage``). ``secret_arguments`` are shown as ``***`` in events and logs. ``timeout_s`` bounds one call.
    """

    name: str
    description: str
    arguments: type[ToolArguments]
    call: Callable[[UserExecutionContext, Any], Awaitable[Any]]
    permission: str = "usage"
    idempotent: bool = True
    approval: bool = False
    timeout_s: float = 30.0
    secret_arguments: frozenset[str] = field(default_factory=frozenset)
