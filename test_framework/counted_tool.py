"""A tool that counts its calls, and short words about what a run shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from netra_backend.app.agents.tools.definition import Tool, ToolArguments
from netra_backend.app.core.events import AnyEvent, ToolCompleted
from netra_backend.app.services.user_execution_context import UserExecutionContext


class Amount(ToolArguments, frozen=True):
    """How much; the token is there to be hidden."""

    amount: int = 1
    token: str = ""


class Counter:
    """What a counting tool does: ``calls`` are the amounts; ``before`` is awaited in each call."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.before: Callable[[], Awaitable[Any]] | None = None

    async def __call__(self, context: UserExecutionContext, arguments: Amount) -> dict[str, int]:
        """Count this call."""
        self.calls.append(arguments.amount)
        if self.before is not None:
            await self.before()
        return {"sum": sum(self.calls)}


def adding(
    call: Callable[[UserExecutionContext, Any], Awaitable[Any]],
    name: str = "add",
    *,
    idempotent: bool = True,
    **more: Any,
) -> Tool[Any]:
    """A tool of this name that does this; unless told otherwise, one that may be called again."""
    return Tool(name, "Adds.", Amount, call, idempotent=idempotent, **more)


def uninterrupted(events: Sequence[AnyEvent]) -> list[str]:
    """The kinds of events without those that say that the run was interrupted: what it would have shown otherwise."""
    return [kind for kind in kinds(events) if kind not in ("RunResumed", "RunSuspended")]


def kinds(events: Sequence[AnyEvent]) -> list[str]:
    """The types of events, in order."""
    return [type(event).__name__ for event in events]


def codes_of(events: Sequence[AnyEvent]) -> list[str | None]:
    """What each tool call came to: its error code, or ``None`` where it was well."""
    return [event.error["code"] if event.error else None for event in events if isinstance(event, ToolCompleted)]
