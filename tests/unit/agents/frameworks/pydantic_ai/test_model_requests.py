"""Model requests: shown as they come, counted as the provider says, and told from each other by what the run has done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelResponse, TextPart
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.function import DeltaThinkingPart, FunctionModel
from pydantic_ai.usage import RequestUsage

from netra_backend.app.agents.frameworks.pydantic_ai.model_requests import usage_of
from netra_backend.app.core.limits import Limits

from .conftest import Script, Shop


async def test_reasoning_is_shown_apart_from_text(shop: Shop, of: Any) -> None:
    async def stream(*_: Any) -> AsyncIterator[Any]:
        yield {0: DeltaThinkingPart(content="Let me ")}
        yield {0: DeltaThinkingPart(content="see.")}
        yield "It is fine."

    shop.serve(shop.agent(model=FunctionModel(stream_function=stream)))
    events = await shop.run()
    shown: dict[str, str] = {}
    for each in of(events, "AgentDelta"):
        shown[each.kind] = shown.get(each.kind, "") + each.text
    assert shown == {"reasoning": "Let me see.", "": "It is fine."}
    assert events[-1].result["text"] == "It is fine."


async def test_a_model_that_cannot_stream_is_asked_for_the_whole(shop: Shop, of: Any) -> None:
    async def answer(*_: Any) -> ModelResponse:
        return ModelResponse(parts=[TextPart("Whole.")])

    shop.serve(shop.agent(model=FunctionModel(answer)))
    events = await shop.run()
    assert events[-1].result["text"] == "Whole."
    assert len(of(events, "ModelStarted")) == 1


async def test_the_time_in_instructions_makes_no_other_request_of_it(shop: Shop) -> None:
    script = Script({"look": {}}, "Done.")
    agent = shop.agent(script, system_prompt="You help.")
    asked = iter(range(1000))

    @agent.instructions
    def now() -> str:
        return f"It is {next(asked)} o'clock."

    @agent.tool_plain(metadata={"netra": {"idempotent": True}})
    def look() -> str:
        return "seen"

    shop.serve(agent)
    events = await shop.run()
    async for _, after in shop.replays(events):
        assert after[-1].result == events[-1].result


async def test_a_fallback_answers_and_its_failures_are_the_same_on_a_replay(shop: Shop, of: Any) -> None:
    broken, sound = Script(ModelHTTPError(503, "broken", "busy")), Script("From the second.")
    shop.serve(shop.agent(model=FallbackModel(broken.model, sound.model)))
    events = await shop.run()
    assert events[-1].result["text"] == "From the second."
    assert [each.model for each in of(events, "ModelStarted")] == ["function:scripted"]


async def test_an_agent_that_catches_what_all_models_raised_goes_the_same_way_again(shop: Shop, of: Any) -> None:
    from pydantic_ai.capabilities import Hooks
    from pydantic_ai.exceptions import FallbackExceptionGroup

    caught: list[str] = []
    hooks: Hooks[Any] = Hooks()

    @hooks.on.model_request_error
    async def instead(ctx: Any, *, request_context: Any, error: Exception) -> ModelResponse:
        assert isinstance(error, FallbackExceptionGroup)
        caught.append(", ".join(f"{type(each).__name__} {each.status_code}" for each in error.exceptions))
        return ModelResponse(parts=[TextPart("Later.")])

    broken = [Script(ModelHTTPError(status, "broken")).model for status in (503, 500)]
    shop.serve(shop.agent(model=FallbackModel(*broken), capabilities=[hooks]))
    events = await shop.run()
    assert events[-1].result["text"] == "Later."
    async for _, after in shop.replays(events):
        assert after[-1].result["text"] == "Later."
    assert set(caught) == {"ModelHTTPError 503, ModelHTTPError 500"}
    assert len(caught) == len(events)


def response(**usage: Any) -> ModelResponse:
    return ModelResponse(
        parts=[],
        usage=RequestUsage(**usage),
        model_name="gpt-4o-mini",
        provider_name="openai",
        timestamp=datetime(2026, 11, 30, tzinfo=UTC),
    )


def test_cached_and_reasoning_tokens_and_the_price_are_counted() -> None:
    usage = usage_of(
        response(input_tokens=1000, output_tokens=10, cache_read_tokens=400, details={"reasoning_tokens": 7})
    )
    price = usage.pop("cost_usd")
    assert float(price) > 0
    assert usage == {
        "model": "gpt-4o-mini",
        "input_tokens": 1000,
        "output_tokens": 10,
        "cache_read_tokens": 400,
        "reasoning_tokens": 7,
    }


@pytest.mark.parametrize("said", [{}, {"unmeasured_requests": 1}])
def test_a_provider_that_omits_usage_is_no_fault(said: dict[str, Any]) -> None:
    assert usage_of(response(**said)) == {"model": "gpt-4o-mini"}
    assert usage_of(None) == {}


def test_usage_of_which_a_part_was_omitted_has_no_price() -> None:
    usage = usage_of(response(input_tokens=5, unmeasured_requests=1))
    assert usage == {"model": "gpt-4o-mini", "input_tokens": 5, "output_tokens": 0}


def test_a_model_without_a_known_price_costs_nothing_that_is_said() -> None:
    unpriced = ModelResponse(parts=[], usage=RequestUsage(input_tokens=1), model_name="of-my-own")
    assert usage_of(unpriced) == {"model": "of-my-own", "input_tokens": 1, "output_tokens": 0}


@pytest.mark.parametrize("limits", [Limits(model_silence_s=0.05)])
@pytest.mark.parametrize("first", ["It ", ""])
async def test_a_model_that_says_nothing_for_too_long_has_failed(shop: Shop, of: Any, first: str) -> None:
    async def stream(*_: Any) -> AsyncIterator[str]:
        if first:
            yield first
        await asyncio.get_running_loop().create_future()

    shop.serve(shop.agent(model=FunctionModel(stream_function=stream)))
    events = await shop.run()
    assert of(events, "ModelCompleted")[0].error == "The language model did not answer in time."
    assert (type(events[-1]).__name__, events[-1].retryable) == ("AgentFailed", True)


@pytest.mark.parametrize("limits", [Limits(model_characters=100)])
async def test_a_model_that_says_too_much_is_broken_off(shop: Shop, of: Any) -> None:
    async def stream(*_: Any) -> AsyncIterator[str]:
        while True:
            yield "more and "

    shop.serve(shop.agent(model=FunctionModel(stream_function=stream)))
    events = await shop.run()
    assert len("".join(each.text for each in of(events, "AgentDelta"))) <= 100
    assert type(events[-1]).__name__ == "AgentFailed"
