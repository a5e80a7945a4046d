"""The tools of a served agent: each call is recorded, made once unless it is declared idempotent, and asks its user first where
the tool does."""

from __future__ import annotations

import copy
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from agents import FunctionTool, UserError
from agents.tool import invoke_function_tool
from agents.tool_context import ToolContext
from agents.util._approvals import evaluate_function_tool_approval

from ....core.errors import FrameRefused
from ....core.limits import Limits
from ....services.answer_schemas import AnswerSchema
from ....services.user_execution_context import UserExecutionContext
from ...interface import ToolOutcome
from ...tools.definition import ForeignTool
from . import contexts, guardrails, tool_outputs
from .lines import Line
from .runner import check_runner

_RAW: Final = "input"


def recorded(tool: FunctionTool, line: Line) -> FunctionTool:
    """The tool, called on behalf of this line."""
    copied = copy.copy(tool)
    copied.on_invoke_tool = (_agent_tool if tool._is_agent_tool else _function_tool)(tool, line)
    copied.needs_approval = False  # asked for in the call, by Netra
    copied.timeout_seconds = None  # bounds the call itself, without the wait for an approval
    copied.tool_input_guardrails = [
        guardrails.recorded_for_tool(each, line) for each in tool.tool_input_guardrails or ()
    ]
    copied.tool_output_guardrails = [
        guardrails.recorded_for_tool(each, line) for each in tool.tool_output_guardrails or ()
    ]
    return copied


def _function_tool(tool: FunctionTool, line: Line) -> Callable[[ToolContext[Any], str], Awaitable[Any]]:
    async def invoke(context: ToolContext[Any], input: str) -> Any:
        given = _arguments(input)
        is_called = False

        async def call(_: UserExecutionContext, arguments: dict[str, Any]) -> Any:
            nonlocal is_called
            is_called = True
            text = input if arguments == given else _written(arguments)
            context.tool_arguments = text
            before = contexts.snapshot(context.context)
            output = await invoke_function_tool(function_tool=tool, context=context, arguments=text)
            return contexts.with_changes(tool_outputs.plain(output), contexts.changes(before, context.context))

        asks = await _needs_approval(tool, line, context, input)
        outcome = await _called(tool, line, context, given, call, asks=asks)
        if not outcome.ok:
            return _told(tool, outcome)
        if not is_called:
            contexts.restore(context.context, contexts.changes_of(outcome.result))
        return contexts.output_of(outcome.result)

    return invoke


def _agent_tool(tool: FunctionTool, line: Line) -> Callable[[ToolContext[Any], str], Awaitable[Any]]:
    """An agent that is another one's tool: what it does is recorded, so it is not one call."""
    agent_name = str(getattr(tool._agent_instance, "name", "") or tool.name)

    async def invoke(context: ToolContext[Any], input: str) -> Any:
        check_runner()
        if await _needs_approval(tool, line, context, input):
            given = _arguments(input)

            async def approved(_: UserExecutionContext, arguments: dict[str, Any]) -> str:
                return input if arguments == given else _written(arguments)

            outcome = await _called(tool, line, context, given, approved, asks=True, idempotent=True)
            if not outcome.ok:
                return _told(tool, outcome)
            input = outcome.result
            context.tool_arguments = input
        try:
            async with line.scope.framework.agent(agent_name) as scope:
                nested = Line(line.served, scope)
                try:
                    with nested.begins():
                        output = await invoke_function_tool(function_tool=tool, context=context, arguments=input)
                except BaseException as fault:
                    nested.close(fault)
                    raise
                nested.close()
                return output
        except Exception as fault:
            line.note(fault)
            raise

    return invoke


async def _called(
    tool: FunctionTool,
    line: Line,
    context: ToolContext[Any],
    given: dict[str, Any],
    call: Callable[[UserExecutionContext, dict[str, Any]], Awaitable[Any]],
    *,
    asks: bool,
    idempotent: bool = False,
) -> ToolOutcome:
    foreign = ForeignTool(
        tool.name,
        tool.description,
        call,
        idempotent=idempotent or tool.name in line.served.idempotent_tools,
        approval=asks,
        timeout_s=None if tool.timeout_seconds is None else tool.timeout_seconds + 5,  # the SDK's own limit comes first
        judge=_judge(tool, given, line.scope.framework.limits) if asks else None,
        shown=contexts.output_of,
    )
    return await performed(foreign, line, context, given)


async def performed(tool: ForeignTool, line: Line, context: ToolContext[Any], given: dict[str, Any]) -> ToolOutcome:
    """The outcome of the call that the model asked for, recorded for this line."""
    call_id = context.tool_call_id
    try:
        return await line.scope.framework.tool(
            tool, given, provider_call_id=call_id, requested_by=line.requested_by.get(call_id, "")
        )
    except Exception as fault:
        line.note(fault)
        raise


def _judge(tool: FunctionTool, given: dict[str, Any], limits: Limits) -> Callable[[dict[str, Any]], str] | None:
    """Says what is wrong with arguments that a user gave in place of these. The model's own are the tool's to refuse."""
    try:
        schema = AnswerSchema(tool.params_json_schema, limits)
    except ValueError:  # the tool looks at them itself, when it is called
        return None

    def problem(arguments: dict[str, Any]) -> str:
        try:
            if arguments != given:
                schema.judge(arguments)
        except FrameRefused as refused:
            return refused.message
        return ""

    return problem


async def _needs_approval(tool: FunctionTool, line: Line, context: ToolContext[Any], input: str) -> bool:
    """Whether its user is asked; what a function says is recorded."""
    if not callable(tool.needs_approval):
        return tool.needs_approval

    async def body() -> bool:
        evaluated = await evaluate_function_tool_approval(tool, context, input, context.tool_call_id)
        return evaluated.outcome == "require_approval"

    return bool(await guardrails.step(line, f"approval of {tool.name}", body, key=context.tool_call_id))


def _told(tool: FunctionTool, outcome: ToolOutcome) -> str:
    """What the model reads in place of a result. Raises ``UserError`` if the tool itself raised: the SDK ends such a run."""
    error = outcome.error or {}
    if error.get("code") == "TOOL_FAILED":
        raise UserError(f"Error running tool {tool.name}: {error.get('message', '')}")
    return error_text(error)


def error_text(error: Mapping[str, Any]) -> str:
    """The error as the model reads it."""
    return _written({"error": error})


def _arguments(input: str) -> dict[str, Any]:
    """The arguments as they are shown. What is no JSON object is the tool's own business to refuse."""
    parsed = arguments_of(input)
    return {_RAW: input} if parsed is None else parsed


def arguments_of(input: str) -> dict[str, Any] | None:
    """The arguments that the model gave; ``None`` if they are no JSON object."""
    try:
        parsed = json.loads(input) if input else {}
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
