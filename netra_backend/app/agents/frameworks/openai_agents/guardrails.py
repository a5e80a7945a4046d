"""The checks of an agent that are the author's code: each is one recorded step, so that a replay comes to the same."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from agents import (
    Agent,
    GuardrailFunctionOutput,
    InputGuardrail,
    OutputGuardrail,
    RunContextWrapper,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrail,
    ToolOutputGuardrail,
)

from . import tool_outputs
from .lines import Line

_Guardrail = TypeVar("_Guardrail", InputGuardrail[Any], OutputGuardrail[Any])
_ToolGuardrail = TypeVar("_ToolGuardrail", ToolInputGuardrail[Any], ToolOutputGuardrail[Any])


def recorded(guardrail: _Guardrail, line: Line) -> _Guardrail:
    """The guardrail of an agent, recorded on behalf of this line."""
    check, name = guardrail.guardrail_function, guardrail.get_name()

    async def checked(*given: Any) -> GuardrailFunctionOutput:
        async def body() -> list[Any]:
            output = await _awaited(check(*given))
            return [output.tripwire_triggered, tool_outputs.plain(output.output_info)]

        triggered, info = await step(line, f"guardrail {name}", body)
        return GuardrailFunctionOutput(output_info=info, tripwire_triggered=triggered)

    return dataclasses.replace(guardrail, guardrail_function=checked, name=name)


def recorded_for_tool(guardrail: _ToolGuardrail, line: Line) -> _ToolGuardrail:
    """The guardrail of a tool, recorded on behalf of this line."""
    check, name = guardrail.guardrail_function, guardrail.get_name()

    async def checked(data: Any) -> ToolGuardrailFunctionOutput:
        async def body() -> list[Any]:
            output = await _awaited(check(data))
            return [output.behavior, tool_outputs.plain(output.output_info)]

        behavior, info = await step(line, f"guardrail {name}", body, key=data.context.tool_call_id)
        return ToolGuardrailFunctionOutput(output_info=info, behavior=behavior)

    return dataclasses.replace(guardrail, guardrail_function=checked, name=name)


def recorded_instructions(agent: Agent[Any], line: Line) -> Any:
    """The agent's instructions: what a function says is recorded, which may read a clock."""
    instructions = agent.instructions
    if not callable(instructions):
        return instructions

    async def said(context: RunContextWrapper[Any], asked: Agent[Any]) -> Any:
        async def body() -> Any:
            return await _awaited(instructions(context, asked))

        return await step(line, f"instructions of {agent.name}", body)

    return said


def recorded_prompt(agent: Agent[Any], line: Line) -> Any:
    """The agent's prompt at the provider: which one a function says is recorded."""
    prompt = agent.prompt
    if not callable(prompt):
        return prompt

    async def said(data: Any) -> Any:
        async def body() -> Any:
            return await _awaited(prompt(data))

        return await step(line, f"prompt of {agent.name}", body)

    return said


async def step(line: Line, name: str, body: Callable[[], Awaitable[Any]], *, key: str | None = None) -> Any:
    """The result of ``body``, recorded. It may be performed again after a crash."""
    try:
        return await line.scope.step(name[:128], body, key=key or None, idempotent=True)
    except Exception as fault:
        line.note(fault)
        raise


async def _awaited(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value
