"""Makes tool dispatchers: each serves one request of one user and no other."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import CoroutineType
from typing import Any, TypedDict

import msgspec

from ...core import plan_points, validation
from ...core.coroutines import resume
from ...core.errors import IsolationRefused, SSotIsolationError, ToolError, ToolRefused
from ...core.identity import BASE_SCOPES
from ...core.limits import USUAL
from ...core.plans import Plan
from ...services.hiding import hidden_text
from ...services.redaction import is_too_long
from ...services.user_execution_context import UserExecutionContext, validate_user_context
from .definition import MCP_TOOLS, ForeignTool, Tool


class ToolDispatcher:
    """The tools of one request. ``user_context`` is a child of the request's own context."""

    __slots__ = (
        "_allowed",
        "_closed",
        "_handed_on",
        "_narrowed",
        "_planned",
        "_scopes",
        "_tool_s",
        "_tools",
        "user_context",
    )

    def __init__(
        self,
        context: UserExecutionContext,
        tools: Mapping[str, Tool[Any]],
        scopes: frozenset[str],
        tool_s: float,
        planned: frozenset[str] | None = None,
    ) -> None:
        self.user_context = context
        self._tools = tools
        self._scopes = scopes
        self._tool_s = tool_s
        self._planned = planned
        self._allowed: frozenset[str] | None = None
        self._handed_on: frozenset[str] | None = None
        """The tools that agents may get which this one's agent asks; ``None``: all that the request has."""
        self._closed = False
        self._narrowed: list[ToolDispatcher] = []

    def narrowed(self, tools: frozenset[str], *, hands_on: bool = False) -> ToolDispatcher:
        """A dispatcher of the same request for an agent that this one's agent asks: with the rights of both. It is closed with
        this one. ``hands_on``: as ``restrict`` says."""
        dispatcher = ToolDispatcher(self.user_context, self._tools, self._scopes, self._tool_s, self._planned)
        dispatcher._allowed = dispatcher._handed_on = self._handed_on
        dispatcher.restrict(tools, hands_on=hands_on)
        dispatcher._closed = self._closed
        self._narrowed.append(dispatcher)
        return dispatcher

    def restrict(self, tools: frozenset[str], *, hands_on: bool = False) -> None:
        """Allow only these tools from now on: those of the agent that runs. Rights are never widened again.

        An agent that ``hands_on`` may call no more than ``tools``, while those that it asks have all rights that it was given,
        each as far as it lists tools itself.
        """
        self._allowed = tools if self._allowed is None else self._allowed & tools
        if not hands_on:
            self._handed_on = tools if self._handed_on is None else self._handed_on & tools

    async def dispatch_tool(self, request: Mapping[str, Any]) -> Any:
        """Call ``request["tool"]`` with ``request["arguments"]``; plain JSON is returned.

        ``user_id`` and ``context`` may stand in the request only to be compared. Checks come in this order: context, user
        id, tool, permission, arguments. Raises ``SSotIsolationError``, ``IsolationRefused``, ``ToolRefused`` (nothing was
        called then) and ``ToolError`` (the tool's own typed answer, or ``TOOL_TIMEOUT``).
        """
        context = self.user_context
        if "context" in request and request["context"] != context:
            raise SSotIsolationError(
                "Context mismatch: SSOT isolation binds a dispatcher to the context of its own request",
                field="context",
                point=validation.DISPATCHER_CONTEXT,
            )
        if "user_id" in request and request["user_id"] != context.user_id:
            raise IsolationRefused(
                "SSOT permission validation failed: the request names another user",
                field="user_id",
                point=validation.DISPATCHER_USER,
            )
        return await self.call(self.find(request.get("tool", "")), request.get("arguments"))

    async def call(self, tool: Tool[Any], arguments: object) -> Any:
        """Call a tool that ``find`` gave, with arguments that are judged here. Raises as ``dispatch_tool`` does."""
        if self._closed:
            raise SSotIsolationError(
                "SSOT isolation: the dispatcher's request has ended", point=validation.DISPATCHER_CLOSED
            )
        fitting = self.fitting(tool, arguments)
        try:
            answer: Any = tool.call(self.user_context, fitting)
            if isinstance(
                answer, CoroutineType
            ):  # most tools that are quick never wait: a timer would cost more than they
                try:
                    waiting_for = answer.send(None)
                except StopIteration as ended:
                    answer = ended.value
                else:
                    async with asyncio.timeout(self._time_of(tool)):
                        answer = await resume(answer, waiting_for)
            elif inspect.isawaitable(answer):
                async with asyncio.timeout(self._time_of(tool)):
                    answer = await answer
        except TimeoutError:
            raise ToolError(
                "TOOL_TIMEOUT",
                f"{tool.name} did not finish within {self._time_of(tool):g} s.",
                hint="Ask for less at once, or try again."
                if tool.idempotent
                else "It may have taken effect: check before you ask for it again.",
            ) from None
        try:
            return msgspec.to_builtins(answer, str_keys=True)
        except ValueError:
            if not is_too_long(answer):
                raise
            raise ToolError(
                "RESULT_TOO_LARGE", f"The result of {tool.name} holds a number of more digits than can be written."
            ) from None

    def _time_of(self, tool: Tool[Any]) -> float:
        return self._tool_s if tool.timeout_s is None else tool.timeout_s

    def find(self, name: object) -> Tool[Any]:
        """The tool of that name, where this request may use it. Raises ``ToolRefused``."""
        tool = self._tools.get(name) if isinstance(name, str) else None
        if tool is None:
            raise ToolRefused(**_unknown(name), point=validation.DISPATCHER_TOOL)
        self._check_rights(tool, self._allowed)
        return tool

    @property
    def has_user_tools(self) -> bool:
        """Whether this request may use tools of its user's MCP servers."""
        return all(rights is None or MCP_TOOLS in rights for rights in (self._planned, self._allowed))

    def has(self, name: str) -> bool:
        """Whether the server has a tool of that name, for any user."""
        return name in self._tools

    def usable(self) -> list[Tool[Any]]:
        """The tools that this request may use, in the order of their names."""
        found = []
        for name in sorted(self._tools):
            with suppress(ToolRefused):
                found.append(self.find(name))
        return found

    def admit(self, tool: Tool[Any]) -> None:
        """Whether this request may still use a tool that was found, or is part of its agent, or of its user's. Raises
        ``ToolRefused``."""
        if isinstance(tool, ForeignTool):
            self._check_rights(tool, self._allowed if tool.listed_as else None)
        else:
            self.find(tool.name)

    def _check_rights(self, tool: Tool[Any], allowed: frozenset[str] | None) -> None:
        if self._planned is not None and tool.right not in self._planned:
            raise ToolRefused(**_unknown(tool.name), point=plan_points.PLAN_TOOL)
        if tool.needed_scope not in self._scopes or (allowed is not None and tool.right not in allowed):
            raise ToolRefused(
                f"You cannot use {tool.name} here.",
                code="TOOL_NOT_ALLOWED",
                field="tool",
                hint=f"It needs the scope {tool.needed_scope!r} and an agent that lists it.",
                point=validation.DISPATCHER_PERMISSION,
            )

    def fitting(self, tool: Tool[Any], arguments: object) -> Any:
        """The arguments as the tool takes them. Raises ``ToolRefused`` if they do not fit its schema."""
        fitting: Any = None
        try:
            if is_too_long(arguments):
                raise msgspec.ValidationError("a whole number has more digits than can be written")
            fitting = msgspec.convert({} if arguments is None else arguments, tool.arguments)
            if isinstance(tool, ForeignTool) and tool.judge is not None and (problem := tool.judge(fitting)):
                raise msgspec.ValidationError(problem)
        except msgspec.ValidationError as fault:
            raise ToolRefused(
                f"The arguments of {tool.name} are not valid: {hidden_text(str(fault))[:200]}",
                code="INVALID_ARGUMENTS",
                field="arguments",
                hint="Give arguments that match the tool's schema.",
                point=validation.DISPATCHER_ARGUMENTS,
            ) from None
        return fitting

    def close(self) -> None:
        """Reject all further calls. May be called more than once."""
        self._closed = True
        for dispatcher in self._narrowed:
            dispatcher.close()


def _unknown(name: object) -> _Unknown:
    """How a tool that there is not is answered, and one that its user's plan does not have."""
    return {
        "message": f"There is no tool named {hidden_text(str(name))[:64]!r}.",
        "code": "UNKNOWN_TOOL",
        "field": "tool",
        "hint": "Choose one of the tools that this server offers.",
    }


class _Unknown(TypedDict):
    message: str
    code: str
    field: str
    hint: str


class UnifiedToolDispatcherFactory:
    """Dispatchers for requests. Usable before ``configure``: then there are no tools."""

    _ssot_validation_enabled = True

    def __init__(self) -> None:
        self._tools: dict[str, Tool[Any]] = {}
        self._tool_s = USUAL.tool_s
        self._created = 0

    def configure(self, tools: Iterable[Tool[Any]] = (), *, tool_s: float = USUAL.tool_s) -> None:
        """The tools there are, and how long a call of one may take that does not say. Raises ``ValueError`` for a name twice."""
        self._tool_s = tool_s
        for tool in tools:
            if tool.name in self._tools:
                raise ValueError(f"a tool named {tool.name!r} is already registered")
            self._tools[tool.name] = tool

    def create_for_request(
        self, context: UserExecutionContext, *, scopes: frozenset[str] = BASE_SCOPES, plan: Plan | None = None
    ) -> ToolDispatcher:
        """A dispatcher for the request of this context, with the rights of these scopes and the tools of the plan.

        Raises ``InvalidContextError`` for a forged context.
        """
        validate_user_context(context)
        self._created += 1
        planned = None if plan is None else plan.tools
        return ToolDispatcher(context.child(), self._tools, scopes, self._tool_s, planned)

    def names(self) -> tuple[str, ...]:
        return tuple(self._tools)

    def describe(self, plan: Plan | None = None) -> list[dict[str, Any]]:
        """Name, description, permission and argument schema of every tool, of those that the plan has."""
        planned = None if plan is None else plan.tools
        return [
            {
                "name": tool.name,
                "description": tool.description,
                "permission": tool.needed_scope,
                "idempotent": tool.idempotent,
                "approval": bool(tool.approval),
                "arguments": msgspec.json.schema(tool.arguments),
            }
            for tool in self._tools.values()
            if planned is None or tool.name in planned
        ]

    def get_factory_metrics(self) -> dict[str, Any]:
        """How many tools there are and how many dispatchers were made."""
        return {"tools": len(self._tools), "dispatchers_created": self._created}

    async def cleanup(self) -> None:
        """Forget every tool."""
        self._tools.clear()
