"""What an agent's author sees: ``Agent``, and the ``RunScope`` that the engine hands to it.

Every step goes through the scope. The engine records each one, so that after a crash the agent's function is run again
from its start and recorded steps give their recorded results: an agent must be deterministic between steps (no clock,
no entropy, no I/O of its own; ``scope.now_ms`` is the recorded time of the request).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

JSON = dict[str, Any] | list[Any] | str | int | float | bool | None


class ToolOutcome(msgspec.Struct, frozen=True):
    """What a tool call came to: ``result`` where ``ok``, else ``error`` = ``{code, message, hint, …}``."""

    ok: bool
    result: Any = None
    error: dict[str, Any] | None = None


class PastMessage(msgspec.Struct, frozen=True):
    """One earlier message of the thread; ``role`` is ``user`` or ``agent``. ``data`` is an agent's result data."""

    role: str
    text: str
    agent: str
    data: JSON = None


class ModelReply(msgspec.Struct, frozen=True):
    """What a language model answered, with its own usage."""

    text: str
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: str | None = None
    replaced: str | None = None
    """Why the text is not the model's but what was to be shown instead."""


class AgentResult(msgspec.Struct, frozen=True):
    """The end of a run: Markdown for people, JSON for programs."""

    text: str
    data: dict[str, Any] = msgspec.field(default_factory=dict)


class RunScope(Protocol):
    """One run, as its agent sees it. Nothing in it names a user: the scope is bound to one."""

    @property
    def message(self) -> str:
        """What the user asked."""

    @property
    def now_ms(self) -> int:
        """When the user asked, ms since 1970 UTC; the same on every replay."""

    @property
    def timezone(self) -> str:
        """The user's IANA time zone, ``UTC`` if none was given."""

    @property
    def history(self) -> Sequence[PastMessage]:
        """Up to 20 earlier messages of this thread, oldest first."""

    @property
    def has_model(self) -> bool:
        """Whether a language model is configured, so that ``ask_model`` may be called."""

    async def think(self, text: str) -> None:
        """Tell the user what is being considered: one ``agent_thinking`` event."""

    async def use_tool(self, tool: str, **arguments: Any) -> ToolOutcome:
        """Call a tool: ``tool_executing``, then ``tool_completed``. A refusal or fault is an outcome, not an exception."""

    async def ask_model(
        self,
        prompt: str,
        *,
        system: str = "",
        max_tokens: int | None = None,
        check: Callable[[str], bool] | None = None,
        instead: str | None = None,
    ) -> ModelReply:
        """Ask the configured language model; its text streams as ``agent_delta``. Without ``max_tokens`` a limit of the server
        bounds it.

        With ``check`` nobody sees a sentence before it was checked: each is shown when it is whole and ``check`` says yes, and
        none is after the first no. If a sentence was refused, or the model failed, ``instead`` is shown and returned in
        place of all of it (``ModelReply.replaced``), with a higher attempt; without ``instead`` it raises
        ``DependencyUnavailable``.
        """

    async def say(self, text: str) -> None:
        """Show a part of the answer early: one ``agent_delta`` event."""


class Agent(Protocol):
    """An agent. The registry makes a new one for every run, so that no state can pass from one user to another."""

    name: str
    description: str
    tools: frozenset[str]
    """The tools it may use: its effective rights are user ∩ agent ∩ tool."""

    async def run(self, scope: RunScope) -> AgentResult:
        """Answer ``scope.message``. Exceptions end the run as ``agent_failed``."""
