"""What a run of the SDK comes to: a text for people and JSON for programs, or an error that people understand."""

from __future__ import annotations

import json

from agents import (
    InputGuardrailTripwireTriggered,
    ItemHelpers,
    MaxTurnsExceeded,
    MessageOutputItem,
    ModelBehaviorError,
    ModelRefusalError,
    OutputGuardrailTripwireTriggered,
    RunResult,
)
from openai import OpenAIError
from pydantic_core import to_jsonable_python

from ....core.errors import DependencyUnavailable, Fault, NetraError
from ....services import model_faults
from ...interface import AgentResult


def result_of(result: RunResult) -> AgentResult:
    """The result of a run: its data is the final output if that is no text. Its text is what the model said."""
    output = result.final_output
    if output is None or isinstance(output, str):
        return AgentResult(output or "")
    plain = to_jsonable_python(output, fallback=str)
    last = result.new_items[-1] if result.new_items else None
    text = ItemHelpers.text_message_output(last) if isinstance(last, MessageOutputItem) else json.dumps(plain)
    return AgentResult(text, plain if isinstance(plain, dict) else {"result": plain})


def told(fault: Exception) -> Exception:
    """The error as people read it; one that says nothing to them is returned as it is."""
    if isinstance(fault, NetraError):
        return fault
    if isinstance(fault, InputGuardrailTripwireTriggered | OutputGuardrailTripwireTriggered):
        what = "message" if isinstance(fault, InputGuardrailTripwireTriggered) else "answer"
        return Fault(f"The {what} was stopped by the guardrail {fault.guardrail_result.guardrail.get_name()!r}.")
    if isinstance(fault, MaxTurnsExceeded):
        return Fault("The agent did not come to an end within its number of turns.")
    if isinstance(fault, ModelRefusalError):
        return Fault("The language model refused to answer.")
    if isinstance(fault, ModelBehaviorError):
        return DependencyUnavailable(
            "The language model's answer cannot be used.",
            hint="Ask again, or in other words; the server's log says why.",
        )
    if isinstance(fault, OpenAIError):
        return model_faults.unavailable(fault)
    return fault
