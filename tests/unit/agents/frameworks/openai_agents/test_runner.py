"""Runs of the SDK: recorded if they belong to a run of Netra's, made as before if they do not, and never traced."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, Model, ModelProvider, RunConfig, Runner, SQLiteSession, function_tool
from agents.run import get_default_agent_runner, set_default_agent_runner
from agents.testing import ModelCall, ModelStep, ScriptedModel, assistant_message, function_call
from agents.tool_context import ToolContext
from agents.tracing import Span, Trace, TracingProcessor, set_trace_processors, trace

from netra_backend.app.agents.frameworks.openai_agents.runner import RecordingRunner, install
from netra_backend.app.core.events import AgentFailed, ModelStarted


class Traces(TracingProcessor):
    """What would be sent to the provider."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_trace_start(self, trace: Trace) -> None:
        self.seen.append(trace.name)

    def on_trace_end(self, trace: Trace) -> None:
        pass

    def on_span_start(self, span: Span[Any]) -> None:
        self.seen.append(type(span.span_data).__name__)

    def on_span_end(self, span: Span[Any]) -> None:
        pass

    def shutdown(self) -> None:
        pass

    def force_flush(self) -> None:
        pass


@pytest.fixture
def traces() -> Any:
    processor = Traces()
    set_trace_processors([processor])
    yield processor
    set_trace_processors([])


class Models(ModelProvider):
    """Gives one model for every name."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def get_model(self, model_name: str | None) -> Model:
        return self.model


def answer(call: ModelCall) -> Any:
    outputs = [item["output"] for item in call.input if item.get("type") == "function_call_output"]
    return assistant_message(outputs[0]) if outputs else function_call("ask", '{"input": "x"}', call_id="c1")


async def test_nothing_is_traced_also_not_what_tools_and_other_agents_do(
    workshop: Any, served: Any, traces: Traces
) -> None:
    model: Any = served.model(lambda call: assistant_message("deep"))
    other: Agent[Any] = Agent(name="other")
    config = RunConfig(model_provider=Models(model))

    @function_tool
    async def ask(context: ToolContext[Any], input: str) -> str:
        """Asks another agent by itself, in a trace of its own."""
        with trace("own"):
            return str((await Runner.run(other, input, run_config=context.run_config)).final_output)

    served.agent(Agent(name="by_hand", model=served.model(answer), tools=[ask]), run_config=config)
    as_tool: Agent[Any] = Agent(name="as_tool", model=served.model(answer), tools=[other.as_tool("ask", "Asks.")])
    served.agent(as_tool, run_config=config)
    events = await workshop.run("by_hand")
    assert events[-1].result["text"] == "deep"
    assert (
        len([each for each in events if isinstance(each, ModelStarted)]) == 2
    )  # the tool's own run is the tool's result
    events = await workshop.run("as_tool")
    assert events[-1].result["text"] == "deep"
    assert len([each for each in events if isinstance(each, ModelStarted)]) == 3
    assert traces.seen == ["own"]


async def test_an_agent_as_a_tool_has_no_session_that_users_share(workshop: Any, served: Any) -> None:
    other: Agent[Any] = Agent(name="other", model=served.model(lambda call: assistant_message("deep")))
    shared: Any = SQLiteSession("shared")
    tool = other.as_tool("ask", "Asks.", session=shared)
    served.agent(Agent(name="host", model=served.model(answer), tools=[tool]))
    events = await workshop.run("host")
    assert isinstance(events[-1], AgentFailed)
    assert "all users would meet" in events[-1].message
    shared.close()


async def test_a_run_of_nobodys_is_made_as_before(served: Any, traces: Traces) -> None:
    result = await Runner.run(Agent(name="alone", model=served.model(lambda call: assistant_message("hi"))), "x")
    assert result.final_output == "hi"
    assert "Agent workflow" in traces.seen
    streamed = Runner.run_streamed(Agent(name="alone", model=served.model(lambda call: assistant_message("hi"))), "x")
    assert [event.type async for event in streamed.stream_events()]
    assert streamed.final_output == "hi"


def test_a_run_of_nobodys_in_a_thread_of_its_own_is_made_as_before(served: Any, traces: Traces) -> None:
    result = Runner.run_sync(Agent(name="alone", model=served.model(lambda call: assistant_message("hi"))), "x")
    assert result.final_output == "hi"


async def test_an_agent_as_a_tool_is_not_run_by_another_default_runner(workshop: Any, served: Any) -> None:
    other: Agent[Any] = Agent(name="other", model=served.model(lambda call: assistant_message("deep")))
    served.agent(Agent(name="host", model=served.model(answer), tools=[other.as_tool("ask", "Asks.")]))
    ours = get_default_agent_runner()
    set_default_agent_runner(None)
    try:
        assert isinstance((await workshop.run("host"))[-1], AgentFailed)
    finally:
        set_default_agent_runner(ours)


async def test_what_is_sent_is_the_same_on_every_replay_also_the_key_of_the_providers_cache(
    workshop: Any, served: Any
) -> None:
    class Caching(ScriptedModel):
        def _supports_default_prompt_cache_key(self) -> bool:
            return True

    inner, outer = (
        Caching([ModelStep.respond(said) for _ in range(9)])
        for said in (lambda call: [assistant_message("deep")], lambda call: [answer(call)])
    )
    other: Agent[Any] = Agent(name="other", model=inner)
    served.agent(Agent(name="host", model=outer, tools=[other.as_tool("ask", "Asks.")]))
    events = await workshop.run("host")
    client = await workshop.killed_after(events, "user_ada", len(events) - 1)
    await client.ended(events[0].run_id)
    assert (await workshop.stored(events[0].run_id))[-1].result == events[-1].result
    settings = inner.calls[0].model_settings
    assert settings.extra_args is not None
    assert events[0].thread_id not in settings.extra_args["prompt_cache_key"]


def test_it_is_installed_once() -> None:
    assert isinstance(install(), RecordingRunner)
    assert install() is install() is get_default_agent_runner()
