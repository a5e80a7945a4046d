"""Tool calls: each is made once, unless its tool says otherwise, and its exact result is recorded, signals of pydantic-ai's own
(``ModelRetry``, ``ApprovalRequired``, …) among them."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_ai.durable_exec import (
    DurabilityEngineSpec,
    DurableOperation,
    ToolsetCallToolParams,
    durable_unit_scope,
    record_durable_unit,
    revalidate_function_call,
)
from pydantic_ai.exceptions import ModelRetry, ToolFailed
from pydantic_ai.messages import ModelResponse, ToolCallPart
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import FunctionToolset
from pydantic_ai.usage import RunUsage
from pydantic_core import PydanticSerializationError, to_jsonable_python

from ....core.errors import ToolError
from ...house_rules import Called
from ...interface import ToolOutcome
from ...tools.definition import MCP_TOOLS, ForeignTool
from .current import AgentRun
from .tool_options import ToolOptions

_SIGNAL: Final = "pydantic_ai"
"""The one key of a recorded result that is more than what the tool returned."""
_NO_FILES: Final[dict[str, Any]] = {"content_file_digests": []}
"""What pydantic-ai says of a result that holds no file."""
_USAGE: Final = TypeAdapter(RunUsage)


async def call_tool(
    run: AgentRun,
    operation: DurableOperation[Any, Any, Any],
    params: Any,
    options: ToolOptions,
    spec: DurabilityEngineSpec,
) -> Any:
    """What the call came to, as pydantic-ai records it, from the journal if it is recorded. Raises ``ToolFailed`` for what the
    model is to read instead: a refusal, a fault, an outcome that nobody knows."""
    definition = definition_of(params)
    call_id: str = params.ctx.tool_call_id or ""
    arguments = _plain(params.tool_args)
    if run.house is not None and params.name in run.house.tools:
        outcome = await run.steps.tool(params.name, arguments, provider_call_id=call_id, requested_by=run.asked_by)
        run.called[call_id] = called = Called(params.name, arguments, outcome)
        run.house.learn(called)
        if not outcome.ok:
            raise _failed(outcome)
        return operation.result_codec.load(_returned(outcome.result))
    usage: RunUsage = params.ctx.usage
    was_made = False

    async def call(_: Any, given: dict[str, Any]) -> Any:
        nonlocal was_made
        was_made = True
        before, used = copy(usage), copy(usage)  # calls beside this one count in what it shares with them
        made = replace(params, ctx=replace(params.ctx, usage=used))
        with durable_unit_scope():
            try:
                if given != arguments:
                    made = await _edited(made, given, spec)
            except (ValidationError, ModelRetry) as fault:
                return {_SIGNAL: {"kind": "model_retry", "message": str(fault)}}
            result = await operation.handler(made)
            try:
                return _recorded(operation.result_codec.dump(result), used - before)
            except (PydanticSerializationError, TypeError, ValueError) as fault:
                raise ToolError("RESULT_NOT_JSON", f"The result is not JSON ({type(fault).__name__}).") from fault

    approval = run.approving.pop(call_id, False) or options.approval
    tool = ForeignTool(
        _name_of(params.ctx, call_id) or params.name,
        (definition.description if definition is not None else "") or "",
        call,
        permission=options.permission,
        idempotent=options.idempotent,
        approval=approval,
        timeout_s=options.timeout_s,
        redact=options.redact,
        judge=_judge(params) if approval else None,
        listed_as=MCP_TOOLS if options.user_mcp else "",
    )
    outcome = await run.steps.tool(tool, arguments, provider_call_id=call_id, requested_by=run.asked_by)
    record_durable_unit(executed=was_made)
    if not outcome.ok:
        raise _failed(outcome)
    payload = outcome.result
    if isinstance(payload, dict) and payload.keys() <= {_SIGNAL, "usage"} and _SIGNAL in payload:
        if "usage" in payload:
            usage.incr(_USAGE.validate_python(payload["usage"]))
        return operation.result_codec.load(payload[_SIGNAL])
    return operation.result_codec.load(_returned(payload))


def _returned(result: Any) -> dict[str, Any]:
    returned = {"kind": "tool_return", "result": result}
    return returned if _is_scalar(result) else returned | _NO_FILES


def _failed(outcome: ToolOutcome) -> ToolFailed:
    error = outcome.error or {}
    return ToolFailed(" ".join(filter(None, (f"{error['code']}: {error['message']}", error.get("hint")))))


def definition_of(params: Any) -> ToolDefinition | None:
    """The definition of the tool that is called."""
    tool = getattr(params, "tool", None)
    found: ToolDefinition | None = tool.tool_def if tool is not None else getattr(params, "tool_def", None)
    return found


def _name_of(ctx: Any, call_id: str) -> str:
    """The name that the model called: toolsets that rename tools hand on their own."""
    for message in reversed(ctx.messages):
        if isinstance(message, ModelResponse):
            for part in message.parts:
                if isinstance(part, ToolCallPart) and part.tool_call_id == call_id:
                    return part.tool_name
    return ctx.tool_name or ""


def _judge(params: Any) -> Callable[[dict[str, Any]], str] | None:
    """Says what the toolset's validator has against other arguments, if there is one: an MCP server judges by itself."""
    validator = None if getattr(params, "tool", None) is None else params.tool.args_validator

    def judge(given: dict[str, Any]) -> str:
        assert validator is not None
        try:
            validator.validate_python(given, context=params.ctx.validation_context)
        except ValidationError as fault:
            return "; ".join(
                f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in fault.errors(include_url=False)
            )
        return ""

    return None if validator is None else judge


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = to_jsonable_python(arguments, fallback=repr)
    return plain


def _recorded(payload: Any, used: RunUsage) -> Any:
    """What is recorded: only what the tool returned, if that says everything."""
    if used.has_values():
        return {_SIGNAL: payload, "usage": _USAGE.dump_python(used, mode="json")}
    result = payload.get("result")
    plain = {"kind": "tool_return", "result": result} | ({} if _is_scalar(result) else _NO_FILES)
    is_told_from = isinstance(result, dict) and (_SIGNAL in result or result.get("kind") == "tool-return")
    return {_SIGNAL: payload} if payload != plain or is_told_from else result


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


async def _edited(params: Any, given: dict[str, Any], spec: DurabilityEngineSpec) -> Any:
    """The call with the arguments that its user gave it. Raises what the toolset's validator raises."""
    toolset = params.tool.toolset if isinstance(params, ToolsetCallToolParams) and params.tool is not None else None
    made = replace(params, tool_args=given)
    if isinstance(toolset, FunctionToolset):
        made = await revalidate_function_call(toolset, made, engine_spec=spec)
    elif toolset is not None:
        made = replace(made, tool_args=params.tool.args_validator.validate_python(given))
    judge = getattr(params.tool, "args_validator_func", None) if toolset is not None else None
    if judge is not None:
        answer = judge(made.ctx, **made.tool_args)
        if answer is not None and hasattr(answer, "__await__"):
            await answer
    return made
