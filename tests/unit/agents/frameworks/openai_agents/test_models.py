"""Requests to models: recorded, streamed, and failed the same way on every replay."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx2
import openai
import pytest
from agents import Agent, Model, ModelProvider, ModelRetrySettings, ModelSettings, RunConfig, retry_policies
from agents.testing import ModelStep, ScriptedModel, assistant_message
from openai.types.responses import ResponseCompletedEvent, ResponseTextDeltaEvent
from openai.types.responses.response_reasoning_text_delta_event import ResponseReasoningTextDeltaEvent

from netra_backend.app.agents.frameworks.openai_agents import responses
from netra_backend.app.core.events import AgentCompleted, AgentDelta, AgentFailed, ModelCompleted, ModelStarted


def of(events: Any, kind: type[Any]) -> list[Any]:
    return [each for each in events if isinstance(each, kind)]


def said(text: str, number: int) -> ResponseTextDeltaEvent:
    return ResponseTextDeltaEvent(
        type="response.output_text.delta",
        content_index=0,
        delta=text,
        item_id="i",
        logprobs=[],
        output_index=0,
        sequence_number=number,
    )


def overloaded() -> Exception:
    request = httpx2.Request("POST", "http://127.0.0.1:9/v1/responses")
    return openai.InternalServerError("busy", response=httpx2.Response(503, request=request), body=None)


async def test_text_and_reasoning_are_streamed_as_they_come(workshop: Any, served: Any) -> None:
    async def events(call: Any) -> Any:
        for number, text in enumerate(("Let me ", "think.")):
            yield ResponseReasoningTextDeltaEvent(
                type="response.reasoning_text.delta",
                content_index=0,
                delta=text,
                item_id="i",
                output_index=0,
                sequence_number=number,
            )
        for number, text in enumerate(("It is ", "so.")):
            yield said(text, number)
        from agents import ModelResponse, Usage

        whole = ModelResponse([assistant_message("It is so.")], usage=Usage(), response_id="r")
        *_, last = responses.streamed(whole, "m")
        assert isinstance(last, ResponseCompletedEvent)
        yield last

    served.agent(Agent(name="thinker", model=ScriptedModel([ModelStep.stream(events)])))
    run = await workshop.run("thinker")
    shown: dict[str, str] = {}
    for each in of(run, AgentDelta):
        shown[each.kind] = shown.get(each.kind, "") + each.text
    assert shown == {"reasoning": "Let me think.", "": "It is so."}
    assert run[-1].result["text"] == "It is so."
    usage = of(run, ModelCompleted)[0].usage
    assert usage == {"model": "ScriptedModel", "input_tokens": 0, "output_tokens": 0}  # it says nothing: no fault


async def test_a_model_that_cannot_stream_is_asked_for_the_whole(workshop: Any, served: Any) -> None:
    model = served.model(lambda call: assistant_message("Whole."))
    served.agent(Agent(name="slow", model=model), stream=False)
    events = await workshop.run("slow")
    assert (model.calls[0].streamed, of(events, AgentDelta)[0].text) == (False, "Whole.")


async def test_a_failure_is_told_without_the_providers_words(workshop: Any, served: Any) -> None:
    model = served.model(lambda call: overloaded())
    served.agent(Agent(name="echo", model=model))
    events = await workshop.run("echo")
    assert isinstance(events[-1], AgentFailed)
    assert events[-1].error == "dependency_unavailable"
    assert events[-1].message == of(events, ModelCompleted)[0].error
    assert "503" in events[-1].message


async def test_requests_that_are_tried_again_are_recorded_each(workshop: Any, served: Any) -> None:
    failures = [overloaded()]
    model = served.model(lambda call: failures.pop() if failures else assistant_message("At last."))
    settings = ModelSettings(
        retry=ModelRetrySettings(
            max_retries=2, backoff={"initial_delay": 0.0}, policy=retry_policies.http_status([503])
        )
    )
    served.agent(Agent(name="echo", model=model, model_settings=settings))
    events = await workshop.run("echo")
    assert events[-1].result["text"] == "At last."
    assert len(of(events, ModelStarted)) == 2

    def check(frames: int, after: Any) -> None:
        assert isinstance(after[-1], AgentCompleted), (frames, after[-1])
        answered = {each.call_id for each in of(events[:frames], ModelCompleted)}
        assert not answered & {each.call_id for each in of(after, ModelStarted) if each.attempt > 1}

    await served.boundaries(events, check)


async def test_models_are_found_by_their_names_where_the_run_is_configured(workshop: Any, served: Any) -> None:
    asked: list[str | None] = []
    model: ScriptedModel = served.model(lambda call: assistant_message("Yes."))

    class Provider(ModelProvider):
        def get_model(self, model_name: str | None) -> Model:
            asked.append(model_name)
            return model

    served.agent(Agent(name="named", model="house-model"), run_config=RunConfig(model_provider=Provider()))
    served.agent(Agent(name="given", model="house-model"), run_config=RunConfig(model=model))
    assert (await workshop.run("named"))[-1].result["text"] == "Yes."
    assert (await workshop.run("given"))[-1].result["text"] == "Yes."
    assert asked == ["house-model"]
    assert len(model.calls) == 2


async def test_an_answer_that_is_too_long_is_broken_off(workshop: Any, served: Any) -> None:
    long = "x" * (workshop.limits.model_characters + 1)
    served.agent(Agent(name="chatty", model=served.model(lambda call: assistant_message(long))))
    events = await workshop.run("chatty")
    assert isinstance(events[-1], AgentFailed)
    assert "too long" in events[-1].message


async def test_a_model_that_says_nothing_for_too_long_is_given_up(workshop: Any, served: Any) -> None:
    async def silent(call: Any) -> Any:
        yield said("Well,", 1)
        await asyncio.get_running_loop().create_future()

    workshop.limits = replace(workshop.limits, model_silence_s=0.05)
    served.agent(Agent(name="silent", model=ScriptedModel([ModelStep.stream(silent)])))
    events = await workshop.run("silent")
    assert isinstance(events[-1], AgentFailed)
    assert "said nothing" in events[-1].message


@pytest.mark.parametrize("limit", [1, None])
async def test_an_agent_that_comes_to_no_end_is_ended(workshop: Any, served: Any, limit: int | None) -> None:
    from agents import function_tool
    from agents.testing import function_call

    @function_tool
    def again() -> str:
        """Does it again."""
        return "again"

    made: list[int] = []

    def answer(call: Any) -> Any:
        made.append(1)
        return function_call("again", "{}", call_id=f"c{len(made)}") if len(made) < 20 else assistant_message("done")

    served.agent(Agent(name="loop", model=served.model(answer), tools=[again]), max_turns=limit)
    events = await workshop.run("loop")
    assert isinstance(events[-1], AgentFailed if limit else AgentCompleted)
