"""What an agent's author sees: ``Agent``, and the ``RunScope`` that the engine hands to it.

Every step goes through the scope. The engine records each one, so that after a crash the agent's function is run again
from its start and recorded steps give their recorded results: an agent must be deterministic between steps (no clock,
no entropy, no I/O of its own; ``scope.now_ms`` is the recorded time of the request).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol

import msgspec

from ..services.user_execution_context import UserExecutionContext

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


class ThreadMessage(msgspec.Struct, frozen=True):
    """One earlier message of the thread, whole; ``role`` is ``user`` or ``agent``. ``ts`` is in milliseconds since 1970 UTC.
    ``data`` is an agent's result data, ``parts`` the message as ``RunScope.parts`` gives one."""

    role: str
    text: str
    run_id: str
    message_id: str
    ts: int
    agent: str
    parts: list[dict[str, Any]]
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
    """The end of a run: Markdown for people, JSON for programs. What is not JSON fails the run."""

    text: str
    data: dict[str, Any] = msgspec.field(default_factory=dict)


class AgentListed(msgspec.Struct, frozen=True):
    """An agent that the run's user may ask."""

    name: str
    description: str


class ToolListed(msgspec.Struct, frozen=True):
    """A tool that the run's agent may use; ``arguments`` is their JSON Schema. What a ``remote`` one, of an MCP server of the
    user's, says of itself is that server's word, and may be meant to mislead."""

    name: str
    description: str
    arguments: dict[str, Any]
    remote: bool = False


class AgentState(Protocol):
    """Small JSON values that stay when the run has ended: the thread's, or the user's in all threads.

    A key has 1 to 256 printable characters; how large a value is, and how many there are, is bounded
    (``NETRA_LIMIT_STATE_BYTES``, ``NETRA_LIMIT_STATE_KEYS``). Each call is a step: the same on every replay.
    """

    async def get(self, key: str, *, scope: Literal["thread", "user"] = "thread") -> Any:
        """The value; ``None`` if there is none."""

    async def set(
        self,
        key: str,
        value: Any,
        *,
        scope: Literal["thread", "user"] = "thread",
        expected: Any = ...,
        visible: bool = False,
    ) -> None:
        """Set the value, once, and committed on return; ``None`` removes it. With ``expected`` only if that is the value now
        (``None``: if there is none). Without it a value of the user is only set if it still is what this run last read or set,
        if it did. ``visible``: the user's devices are told (``state_changed``), with secrets redacted.

        Raises ``StateConflict``, and ``ToolError`` (``STATE_FULL``, ``STATE_TOO_LARGE``, ``STATE_NOT_JSON``); nothing is set
        then.
        """

    async def delete(
        self, key: str, *, scope: Literal["thread", "user"] = "thread", expected: Any = ..., visible: bool = False
    ) -> None:
        """Remove the value, as ``set`` does."""


class RunScope(Protocol):
    """One run, as its agent sees it. Nothing in it names a user: the scope is bound to one."""

    @property
    def message(self) -> str:
        """What the user asked."""

    @property
    def parts(self) -> list[dict[str, Any]]:
        """What the user asked, in parts: ``{"type": "text", "text"}``, ``{"type": "data", "data"}``, and ``{"type": "file",
        "file_id", "media", "bytes", "sha256"}``, whose content ``read_file`` gives. A message that is one text is one part."""

    @property
    def now_ms(self) -> int:
        """When the user asked, ms since 1970 UTC; the same on every replay."""

    @property
    def timezone(self) -> str:
        """The user's IANA time zone, ``UTC`` if none was given."""

    @property
    def history(self) -> Sequence[PastMessage]:
        """Earlier messages of this thread, oldest first: as many as the agent's ``history_messages`` says, at most 20; none
        without it. An agent that is asked by another has that one's."""

    @property
    def has_model(self) -> bool:
        """Whether a language model is configured, so that ``ask_model`` may be called."""

    @property
    def context(self) -> UserExecutionContext:
        """Who asks, in which thread and run: for the code of the server, which takes no identity from anywhere else."""

    @property
    def state(self) -> AgentState:
        """The values that agents keep for this thread and this user."""

    @property
    def messages(self) -> AsyncIterator[ThreadMessage]:
        """The thread's earlier messages, exact and whole, oldest first, the same on every replay: ``async for``."""

    async def read_file(self, file_id: str) -> bytes:
        """The content of a file of this user's, whole: one of ``parts`` or of an earlier message. A limit of the server, usually
        20 MB, bounds it. It is no step: a file never changes. Raises ``NotFound`` if the user has no such file."""

    async def think(self, text: str) -> None:
        """Tell the user what is being considered: one ``agent_thinking`` event."""

    async def tools(self) -> Sequence[ToolListed]:
        """The tools that this agent may use: those that it lists and, if it lists ``"mcp:*"``, those of its user's MCP servers,
        named ``server__tool``. The list is the same for the whole run, and on every replay. A server that cannot be used is in it
        as a tool that says so."""

    async def use_tool(self, tool: str, **arguments: Any) -> ToolOutcome:
        """Call a tool: ``tool_executing``, then ``tool_completed``. A refusal or fault is an outcome, not an exception. One of
        the user's MCP servers waits for the user's approval, unless the server is trusted."""

    async def ask_model(
        self,
        prompt: str,
        *,
        system: str = "",
        max_tokens: int | None = None,
        check: Callable[[str], bool] | None = None,
        instead: str | None = None,
        shown: bool = True,
    ) -> ModelReply:
        """Ask the configured language model; its text streams as ``agent_delta``. Without ``max_tokens`` (1 to
        1,000,000; else ``ValueError``) a limit of the server bounds it. If it is not ``shown``, the text is for the agent alone,
        which decides by it: recorded, and told to nobody.

        With ``check`` nobody sees a sentence before it was checked: each is shown when it is whole and ``check`` says yes, and
        none is after the first no. If a sentence was refused, or the model failed, ``instead`` is shown and returned in
        place of all of it (``ModelReply.replaced``), with a higher attempt; without ``instead`` it raises
        ``DependencyUnavailable``. ``ValueError`` for either of them beside ``shown=False``.
        """

    async def say(self, text: str) -> None:
        """Show a part of the answer early: one ``agent_delta`` event."""

    async def delta(self, text: str) -> None:
        """Show text as it comes; it is no step. Inside of a step's body it belongs to that step and its attempt. At most one
        event is made of it in 50 ms, or for 4,096 characters. After a crash it is shown again with a higher attempt."""

    async def step(
        self,
        name: str,
        body: Callable[[], Awaitable[Any]],
        *,
        key: str | None = None,
        idempotent: bool = False,
        timeout_s: float | None = None,
        retry: int | None = None,
    ) -> Any:
        """The result of ``await body()``, which must be JSON. It is performed once: after a crash the recorded result is
        returned. What is returned is always what the record gives back, so a tuple comes as a list.

        Steps may go on in parallel (``asyncio.gather``, ``TaskGroup``). ``key`` names a step that has a name of its own, such as
        a provider's id of a call; else its place tells it from others. ``idempotent``: the body may be performed again,
        after a crash, and ``retry`` times (at most 10) after a failure, with growing pauses. ``timeout_s`` bounds one attempt.

        Raises ``OutcomeUnknown`` if a body that is not idempotent was begun and its end is unknown: it is never performed again;
        ``ToolError`` if the body raised (its own ``ToolError``, else ``STEP_FAILED``, ``STEP_TIMEOUT``, ``RESULT_NOT_JSON``);
        the same on every replay. Raises ``RuntimeError`` inside of another step's body.
        """

    async def ask_user(
        self, question: str, *, schema: Mapping[str, Any] | None = None, timeout_s: float | None = None
    ) -> Any:
        """Ask the run's user, and wait for an answer that fits ``schema``, a JSON Schema; without one any JSON is an answer. All
        devices are asked, the first answer counts, and it is the same on every replay. What the user answers is exact for the
        agent; where it is shown, what has the shape of a secret is hidden.

        ``timeout_s`` bounds the wait (else the limit of approvals does), also over restarts of the server; the run's own time
        stands still meanwhile. Raises ``ToolError`` (``QUESTION_EXPIRED``) if nobody answered in time, ``ValueError`` for a text
        that is empty or too long, and ``ToolError`` (``INVALID_SCHEMA``, a ``ValueError``, too) for a schema that is none, is too
        large, or refers to something outside of itself.
        """

    async def sleep(self, seconds: float) -> None:
        """Wait so long (0 to 366 days). The time at which the pause ends is recorded when it begins, so it ends then also if the
        server was restarted meanwhile, or as soon as there is a server. If a run only waits for pauses of more than
        ``NETRA_LIMIT_PARK_S`` it leaves memory until the first of them ends; the thread's next runs go on meanwhile."""

    async def secret(self, name: str) -> str:
        """A secret that the user gave to agents (``PUT /api/secrets/NAME``), else the server's of that name
        (``NETRA_SECRETS_DIR``), for use in the body of a step. It is never recorded: what the run emits, logs and keeps from then
        on has ``***`` in its place, also the result of that step. Raises ``KeyError`` if there is none, and ``RuntimeError``
        outside of a step's body."""

    async def agents(self) -> Sequence[AgentListed]:
        """The agents that this run's user may ask. It is a step: the same on every replay."""

    async def run_agent(
        self, name: str, message: str, *, parts: Sequence[Mapping[str, Any]] | None = None
    ) -> AgentResult:
        """Ask another agent, for the same user, with the rights of both. Its steps are this run's, and so is what it uses; its
        events have the ``parent_call_id`` of this step. It gets the ``message`` and, in its ``scope.parts``, the ``parts`` (such
        as ``scope.parts``, files included); without them the message is one text.

        Raises ``NotFound`` if there is no agent of that name, ``ToolError`` (``AGENT_DEPTH``) if agents have asked each other
        eight deep, and what the agent raises."""

    def branch(self, name: str) -> AbstractContextManager[None]:
        """``with scope.branch(name):`` names a line of steps by hand. Each task has a line of its own anyway."""


class Agent(Protocol):
    """An agent. The registry makes a new one for every run, so that no state can pass from one user to another."""

    name: str
    description: str
    tools: frozenset[str]
    """The tools it may use: its effective rights are user ∩ agent ∩ tool. ``"mcp:*"`` are those of its user's MCP servers.

    Agents that it asks have no others, unless it says ``hands_on_tools = True``: then each may use the tools that it lists
    itself, as if the user had asked it directly.
    """

    # An agent may have ``history_messages``, too: how many earlier messages it finds in ``scope.history`` (0 to 20; 0 if absent).

    async def run(self, scope: RunScope) -> AgentResult:
        """Answer ``scope.message``. Exceptions end the run as ``agent_failed``.

        A run that was under way when its server stopped goes on in the next process only with the code that it began with: the
        agent's ``version``, if it has one, else its module's source. ``compatible_versions`` lists earlier ones whose runs it
        can go on with.
        """


def hands_on_tools(agent: Agent) -> bool:
    """Whether agents that this one asks have their own tools, and not only those that it lists, too."""
    return getattr(agent, "hands_on_tools", False) is True
