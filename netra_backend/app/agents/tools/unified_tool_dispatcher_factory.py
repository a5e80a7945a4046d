"""Makes tool dispatchers: each serves one request of one user and no other."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable, Mapping
from types import CoroutineType
from typing import Any, TypedDict

import msgspec

from ...core import plan_points, validation
from ...core.coroutines import resume
from ...core.errors import IsolationRefused, SSotIsolationError, ToolError, ToolRefused
from ...core.identity import BASE_SCOPES
from ...core.limits import USUAL
from ...core.plans import Plan
from ...services.redaction import is_too_long
from ...services.user_execution_context import UserExecutionContext, validate_user_context
from .definition import Tool


class ToolDispatcher:
    """The tools of one request. ``user_context`` is a child of the request's own context."""

    __slots__ = ("_allowed", "_closed", "_narrowed", "_planned", "_scopes", "_tool_s", "_tools", "user_context")

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
        self._closed = False
        self._narrowed: list[ToolDispatcher] = []

    def narrowed(self, tools: frozenset[str]) -> ToolDispatcher:
        """A dispatcher of the same request for an agent that this one's agent asks: with the rights of both. It is closed with
        this one."""
        dispatcher = ToolDispatcher(self.user_context, self._tools, self._scopes, self._tool_s, self._planned)
        dispatcher._allowed = tools if self._allowed is None else self._allowed & tools
        dispatcher._closed = self._closed
        self._narrowed.append(dispatcher)
        return dispatcher

    def restrict(self, tools: frozenset[str]) -> None:
        """Allow only these tools from now on: those of the agent that runs. Rights are never widened again."""
        self._allowed = tools if self._allowed is None else self._allowed & tools

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
        return msgspec.to_builtins(answer, str_keys=True)

    def _time_of(self, tool: Tool[Any]) -> float:
        return self._tool_s if tool.timeout_s is None else tool.timeout_s

    def find(self, name: object) -> Tool[Any]:
        """The tool of that name, where this request may use it. Raises ``ToolRefused``."""
        tool = self._tools.get(name) if isinstance(name, str) else None
        if tool is None:
            raise ToolRefused(**_unknown(name), point=validation.DISPATCHER_TOOL)
        if self._planned is not None and tool.name not in self._planned:
            raise ToolRefused(**_unknown(name), point=plan_points.PLAN_TOOL)
        if tool.needed_scope not in self._scopes or (self._allowed is not None and tool.name not in self._allowed):
            raise ToolRefused(
                f"You cannot use {tool.name} here.",
                code="TOOL_NOT_ALLOWED",
                field="tool",
                hint=f"It needs the scope {tool.needed_scope!r} and an agent that lists it.",
                point=validation.DISPATCHER_PERMISSION,
            )
        return tool

    def fitting(self, tool: Tool[Any], arguments: object) -> Any:
        """The arguments as the tool takes them. Raises ``ToolRefused`` if they do not fit its schema."""
        fitting: Any = None
        try:
            if is_too_long(arguments):
                raise msgspec.ValidationError("a whole number has more digits than can be written")
            fitting = msgspec.convert({} if arguments is None else arguments, tool.arguments)
        except msgspec.ValidationError as fault:
            raise ToolRefused(
                f"The arguments of {tool.name} are not valid: {str(fault)[:200]}",
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
        "message": f"There is no tool named {str(name)[:64]!r}.",
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
