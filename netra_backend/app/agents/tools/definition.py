"""What a tool is: a name, a schema, a permission, and an async function of (context, arguments).

Identity never comes from arguments: a tool reads ``context.user_id`` and nothing else to know whose data it works on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Final, Generic, TypeVar

import msgspec

from ...core.identity import EVERYBODY
from ...services.user_execution_context import UserExecutionContext


class ToolArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of every tool's argument schema: unknown names are refused, values are converted by msgspec."""


MCP_TOOLS: Final = "mcp:*"
"""What an agent lists, or a plan, that has the tools of its user's MCP servers."""

A = TypeVar("A", bound=ToolArguments | dict[str, Any])


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
    def right(self) -> str:
        """What an agent lists, and a plan, that it may be called."""
        return self.name

    @property
    def needed_scope(self) -> str:
        """The scope that a user must have to call it."""
        return EVERYBODY if self.permission is None else self.permission


class ForeignTool(Tool[Any]):
    """A tool that is part of an agent of another framework, which validates its arguments itself: here they are any object. Those
    that its user gave it are judged by ``judge``, which says what is wrong with them, or ``""``.

    ``call`` gets the arguments as a dict. ``redact`` and secrets are as for any tool in what is shown of a result; the agent
    gets it exactly. ``shown`` gives the part of a result that users may see at all. With ``listed_as`` it is no part of the
    agent: those have it that list that. ``schema`` is what is known of its arguments."""

    judge: Callable[[dict[str, Any]], str] | None
    shown: Callable[[Any], Any] | None
    listed_as: str
    schema: dict[str, Any]

    def __init__(
        self,
        name: str,
        description: str,
        call: Callable[[UserExecutionContext, dict[str, Any]], Awaitable[Any]],
        *,
        permission: str | None = None,
        idempotent: bool = False,
        approval: bool | str = False,
        timeout_s: float | None = None,
        secret_arguments: frozenset[str] = frozenset(),
        redact: bool = True,
        judge: Callable[[dict[str, Any]], str] | None = None,
        shown: Callable[[Any], Any] | None = None,
        listed_as: str = "",
        schema: dict[str, Any] | None = None,
    ) -> None:
        object.__setattr__(self, "listed_as", listed_as)
        object.__setattr__(self, "schema", schema or {})
        object.__setattr__(self, "judge", judge)
        object.__setattr__(self, "shown", shown)
        super().__init__(
            name,
            description,
            dict[str, Any],
            call,
            permission=permission,
            idempotent=idempotent,
            approval=approval,
            timeout_s=timeout_s,
            secret_arguments=secret_arguments,
            redact=redact,
        )

    @property
    def right(self) -> str:
        return self.listed_as or self.name
