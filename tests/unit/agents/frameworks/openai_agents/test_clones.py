"""Agents that hand over to each other, and that are each other's tools: shown, recorded, and gone on with after a crash."""

from __future__ import annotations

from typing import Any

import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    InputGuardrail,
    Model,
    ModelProvider,
    RunConfig,
    RunContextWrapper,
    function_tool,
    handoff,
)
from agents.run_config import SandboxRunConfig
from agents.testing import ModelCall, assistant_message, function_call

from netra_backend.app.core.errors import ExtensionError
from netra_backend.app.core.events import (
    AgentCompleted,
    AgentFailed,
    ModelCompleted,
    ModelStarted,
    StepFinished,
    StepStarted,
    ToolCompleted,
    ToolExecuting,
)
from netra_server.openai_agents import serve


def of(events: Any, kind: type[Any]) -> list[Any]:
    return [each for each in events if isinstance(each, kind)]


def outputs(call: ModelCall) -> list[Any]:
    return [item["output"] for item in call.input if item.get("type") == "function_call_output"]


class Office:
    """A reception and a cashier that hand over to each other, and what the cashier booked."""

    def __init__(self, served: Any) -> None:
        self.booked: list[str] = []

        @function_tool
        def book(what: str) -> str:
            """Books something."""
            self.booked.append(what)
            return f"booked {what}"

        self.model = served.model(self.answer)
        self.reception: Agent[Any] = Agent(name="reception", instructions="reception", model=self.model)
        self.cashier: Agent[Any] = Agent(name="cashier", instructions="cashier", model=self.model, tools=[book])
        self.reception.handoffs = [self.cashier]
        self.cashier.handoffs = [handoff(self.reception)]

    def answer(self, call: ModelCall) -> Any:
        """The reception hands over, the cashier books and hands back, the reception tells."""
        said = outputs(call)
        if call.system_instructions == "reception":
            if not said:
                return function_call("transfer_to_cashier", "{}", call_id="h1")
            return assistant_message(f"Done: {said[1]}.")
        if len(said) == 1:
            return function_call("book", '{"what": "a room"}', call_id="c1")
        return function_call("transfer_to_reception", "{}", call_id="h2")


class TestHandoff:
    async def test_the_agents_that_take_over_are_shown_with_what_they_do(self, workshop: Any, served: Any) -> None:
        office = Office(served)
        served.agent(office.reception)
        events = await workshop.run("reception")
        assert events[-1].result["text"] == "Done: booked a room."
        assert [(each.kind, each.name) for each in of(events, StepStarted)] == [
            ("agent", "cashier"),
            ("step", "handoff to reception"),
            ("agent", "reception"),
        ]
        began = [each for each in of(events, StepStarted) if each.kind == "agent"]
        assert all(each.ok for each in of(events, StepFinished))
        cashier, reception = (each.call_id for each in began)
        assert [each.parent_call_id for each in of(events, ModelStarted)] == ["", cashier, cashier, reception]
        assert of(events, ToolExecuting)[0].parent_call_id == cashier

    async def test_wherever_it_is_killed_nothing_is_done_or_asked_again(self, workshop: Any, served: Any) -> None:
        office = Office(served)
        served.agent(office.reception)
        events = await workshop.run("reception")

        def check(frames: int, after: Any) -> None:
            assert isinstance(after[-1], AgentCompleted), (frames, after[-1])
            begun, ended = of(events[:frames], ToolExecuting), of(events[:frames], ToolCompleted)
            told = [each for each in of(after, ToolCompleted) if (each.error or {}).get("code") == "OUTCOME_UNKNOWN"]
            assert len(told) == len(begun) - len(ended), frames
            assert len(office.booked) == 1 - len(begun), frames
            answered = {each.call_id for each in of(events[:frames], ModelCompleted)}
            assert not answered & {each.call_id for each in of(after, ModelStarted) if each.attempt > 1}
            assert len({each.call_id for each in of(after, StepStarted)}) == len(of(after, StepFinished)) == 3, frames
            office.booked.clear()

        office.booked.clear()
        await served.boundaries(events, check)

    async def test_a_handoff_that_fails_ends_the_agents_step_and_the_run(self, workshop: Any, served: Any) -> None:
        office = Office(served)
        office.model = served.model(lambda call: ValueError("x") if outputs(call) else office.answer(call))
        office.reception.model = office.cashier.model = office.model
        served.agent(office.reception)
        events = await workshop.run("reception")
        assert isinstance(events[-1], AgentFailed)
        assert (events[-1].error, [each.ok for each in of(events, StepFinished)]) == ("dependency_unavailable", [False])


class TestAgentAsTool:
    @staticmethod
    def agent(served: Any, done: list[str], **options: Any) -> Agent[Any]:
        @function_tool
        def look_up(context: RunContextWrapper[Any], word: str) -> str:
            """Looks a word up."""
            done.append(word)
            return f"{word} means nothing"

        def inner(call: ModelCall) -> Any:
            if not outputs(call):
                return function_call("look_up", '{"word": "foo"}', call_id="i1")
            return assistant_message(f"expert: {outputs(call)[0]}")

        def outer(call: ModelCall) -> Any:
            if not outputs(call):
                return [
                    function_call("ask_expert", '{"input": "foo?"}', call_id="o1"),
                    function_call("ask_expert", '{"input": "bar?"}', call_id="o2"),
                ]
            return assistant_message(" / ".join(outputs(call)))

        expert = Agent(name="expert", model=served.model(inner), tools=[look_up])
        tool = expert.as_tool("ask_expert", "Asks the expert.", **options)
        return Agent(name="host", model=served.model(outer), tools=[tool])

    @pytest.mark.parametrize("streams", [False, True])
    async def test_what_it_does_is_recorded_as_its_own(self, workshop: Any, served: Any, streams: bool) -> None:
        done: list[str] = []
        seen: list[str] = []
        options = {"on_stream": lambda event: seen.append(event["event"].type)} if streams else {}
        served.agent(self.agent(served, done, **options))
        events = await workshop.run("host")
        assert events[-1].result["text"] == "expert: foo means nothing / expert: foo means nothing"
        began = of(events, StepStarted)
        assert [(each.kind, each.name) for each in began] == [("agent", "expert")] * 2
        assert {each.parent_call_id for each in of(events, ToolExecuting)} == {each.call_id for each in began}
        assert len(of(events, ModelStarted)) == 6
        assert ("raw_response_event" in seen) == streams

    async def test_it_asks_the_models_of_the_run_for_itself(self, workshop: Any, served: Any) -> None:
        def answer(call: ModelCall) -> Any:
            if call.system_instructions == "expert":
                return assistant_message("deep")
            return (
                assistant_message(outputs(call)[0])
                if outputs(call)
                else function_call("ask", '{"input": "x"}', call_id="c1")
            )

        model: Model = served.model(answer)

        class Provider(ModelProvider):
            def get_model(self, model_name: str | None) -> Model:
                return model

        def fine(context: Any, agent: Any, given: Any) -> GuardrailFunctionOutput:
            return GuardrailFunctionOutput(output_info=None, tripwire_triggered=False)

        expert: Agent[Any] = Agent(name="expert", instructions="expert", model="named")
        host: Agent[Any] = Agent(name="host", instructions="host", tools=[expert.as_tool("ask", "Asks.")])
        config = RunConfig(model_provider=Provider(), input_guardrails=[InputGuardrail(fine)])
        served.agent(host, run_config=config)
        events = await workshop.run("host")
        assert events[-1].result["text"] == "deep"
        (step,) = [each for each in of(events, StepStarted) if each.kind == "agent"]
        assert [each.parent_call_id for each in of(events, ModelStarted)] == ["", step.call_id, ""]
        checks = [each for each in of(events, StepStarted) if each.kind == "step"]
        assert [each.parent_call_id for each in checks] == ["", step.call_id]

    @pytest.mark.parametrize("streams", [False, True])
    async def test_wherever_it_is_killed_nothing_is_done_or_asked_again(
        self, workshop: Any, served: Any, streams: bool
    ) -> None:
        done: list[str] = []
        served.agent(self.agent(served, done, **({"on_stream": lambda event: None} if streams else {})))
        events = await workshop.run("host")

        def check(frames: int, after: Any) -> None:
            assert isinstance(after[-1], AgentCompleted), (frames, after[-1])
            begun, ended = of(events[:frames], ToolExecuting), of(events[:frames], ToolCompleted)
            told = [each for each in of(after, ToolCompleted) if (each.error or {}).get("code") == "OUTCOME_UNKNOWN"]
            assert len(told) == len(begun) - len(ended), frames
            assert len(done) == 2 - len(begun), frames
            answered = {each.call_id for each in of(events[:frames], ModelCompleted)}
            assert not answered & {each.call_id for each in of(after, ModelStarted) if each.attempt > 1}
            if not told:
                assert after[-1].result == events[-1].result
            done.clear()

        done.clear()
        await served.boundaries(events, check)


def test_an_agent_that_works_in_a_sandbox_is_refused() -> None:
    from agents.sandbox import SandboxAgent

    with pytest.raises(ExtensionError, match="sandbox"):
        serve(Agent(name="outer", handoffs=[SandboxAgent(name="inner")]))
    config = RunConfig(sandbox=SandboxRunConfig())
    with pytest.raises(ExtensionError, match="sandbox"):
        serve(Agent(name="outer"), run_config=config)
