"""An agent's own checks: recorded, so that a replay comes to the same whatever they look at."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    InputGuardrail,
    OutputGuardrail,
    RunConfig,
    ToolGuardrailFunctionOutput,
    function_tool,
    tool_input_guardrail,
)
from agents.testing import ModelCall, assistant_message, function_call

from netra_backend.app.core.events import AgentCompleted, AgentFailed, StepStarted


def of(events: Any, kind: type[Any]) -> list[Any]:
    return [each for each in events if isinstance(each, kind)]


@pytest.mark.parametrize("in_parallel", [False, True])
async def test_a_message_that_a_guardrail_stops_ends_the_run_with_its_name(
    workshop: Any, served: Any, in_parallel: bool
) -> None:
    asked: list[Any] = []

    def polite(context: Any, agent: Any, given: Any) -> GuardrailFunctionOutput:
        asked.append(given[-1]["content"])
        return GuardrailFunctionOutput(output_info={"why": "rude"}, tripwire_triggered=given[-1]["content"] == "rude")

    guardrail = InputGuardrail(polite, run_in_parallel=in_parallel)
    model = served.model(lambda call: assistant_message("Yes."))
    served.agent(Agent(name="guarded", model=model, input_guardrails=[guardrail]))
    assert isinstance((await workshop.run("guarded", "kind"))[-1], AgentCompleted)
    events = await workshop.run("guarded", "rude")
    assert isinstance(events[-1], AgentFailed)
    assert "polite" in events[-1].message
    assert [each.name for each in of(events, StepStarted)] == ["guardrail polite"]
    assert asked == ["kind", "rude"]


async def test_an_answer_that_a_guardrail_stops_ends_the_run(workshop: Any, served: Any) -> None:
    async def honest(context: Any, agent: Any, output: Any) -> GuardrailFunctionOutput:
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=output == "Lies.")

    model = served.model(lambda call: assistant_message("Lies."))
    served.agent(Agent(name="guarded", model=model, output_guardrails=[OutputGuardrail(honest)]))
    events = await workshop.run("guarded")
    assert isinstance(events[-1], AgentFailed)
    assert "honest" in events[-1].message


async def test_a_guardrail_of_a_tool_says_what_the_model_reads_instead(workshop: Any, served: Any) -> None:
    done: list[str] = []

    @tool_input_guardrail
    def never(data: Any) -> ToolGuardrailFunctionOutput:
        return ToolGuardrailFunctionOutput.reject_content("not today")

    @function_tool(tool_input_guardrails=[never])
    def act() -> str:
        """Acts."""
        done.append("act")
        return "done"

    def answer(call: ModelCall) -> Any:
        outputs = [item["output"] for item in call.input if item.get("type") == "function_call_output"]
        return assistant_message(outputs[0]) if outputs else function_call("act", "{}", call_id="c1")

    served.agent(Agent(name="guarded", model=served.model(answer), tools=[act]))
    events = await workshop.run("guarded")
    assert (events[-1].result["text"], done) == ("not today", [])
    assert [each.name for each in of(events, StepStarted)] == ["guardrail never"]


async def test_instructions_that_change_all_the_time_are_the_same_on_every_replay(workshop: Any, served: Any) -> None:
    numbers = count(1)

    def instructions(context: Any, agent: Any) -> str:
        return f"It is {next(numbers)} o'clock."

    model = served.model(lambda call: assistant_message(call.system_instructions))
    served.agent(Agent(name="clock", model=model, instructions=instructions))
    events = await workshop.run("clock")
    assert events[-1].result["text"] == "It is 1 o'clock."
    client = await workshop.killed_after(events, "user_ada", len(events) - 1)
    await client.ended(events[0].run_id)
    after = await workshop.stored(events[0].run_id)
    assert (after[-1].result, len(model.calls)) == (events[-1].result, 1)


async def test_a_prompt_that_a_function_chooses_is_the_same_on_every_replay(workshop: Any, served: Any) -> None:
    numbers = count(1)
    model = served.model(lambda call: assistant_message(call.prompt["id"]))
    served.agent(Agent(name="prompted", model=model, prompt=lambda data: {"id": f"pmpt_{next(numbers)}"}))
    events = await workshop.run("prompted")
    assert events[-1].result["text"] == "pmpt_1"
    client = await workshop.killed_after(events, "user_ada", len(events) - 1)
    await client.ended(events[0].run_id)
    assert (await workshop.stored(events[0].run_id))[-1].result == events[-1].result


async def test_guardrails_of_the_whole_run_are_recorded_too(workshop: Any, served: Any) -> None:
    def none(context: Any, agent: Any, given: Any) -> GuardrailFunctionOutput:
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=True)

    config = RunConfig(input_guardrails=[InputGuardrail(none)])
    served.agent(Agent(name="guarded", model=served.model(lambda call: assistant_message("x"))), run_config=config)
    events = await workshop.run("guarded")
    assert isinstance(events[-1], AgentFailed)
    assert [each.name for each in of(events, StepStarted)] == ["guardrail none"]
