"""A language model behind the port, with a scripted provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

from netra_backend.app.adapters.models.pydantic_ai import PydanticAIModel, _usage
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.limits import USUAL, Limits
from netra_backend.app.core.model_part import ModelPart
from netra_backend.app.services.model_faults import unavailable

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.models.function import AgentInfo, StreamFunctionDef


def _scripted(answer: StreamFunctionDef, limits: Limits = USUAL) -> PydanticAIModel:
    from pydantic_ai.models.function import FunctionModel

    return PydanticAIModel(FunctionModel(stream_function=answer), limits)


async def _all(model: PydanticAIModel, **more: Any) -> list[ModelPart]:
    asked: dict[str, Any] = {"system": "Be short.", "max_tokens": 50} | more
    return [part async for part in model.stream("Say hello.", **asked)]


async def test_an_answer_comes_in_parts_and_ends_with_its_usage() -> None:
    async def answer(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        yield "Hello "
        yield "there."

    parts = await _all(_scripted(answer))
    assert "".join(part.text for part in parts) == "Hello there."
    assert [part.usage for part in parts[:-1]] == [None] * (len(parts) - 1)
    assert parts[-1].usage is not None
    assert parts[-1].usage["output_tokens"] > 0


async def test_a_model_without_a_known_price_has_no_cost_rather_than_none() -> None:
    async def answer(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        yield "Hello."

    parts = await _all(_scripted(answer))
    assert parts[-1].usage is not None
    assert "cost_usd" not in parts[-1].usage


def test_a_provider_that_omits_its_usage_is_no_fault() -> None:
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.usage import RequestUsage

    response = ModelResponse(parts=[], usage=RequestUsage(unmeasured_requests=1), model_name="gpt-4o-mini")
    assert _usage(response) == {"model": "gpt-4o-mini", "input_tokens": 0, "output_tokens": 0}


async def test_a_fault_of_the_provider_is_told_without_its_words() -> None:
    async def answer(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        yield "Hel"
        raise RuntimeError("the key sk-secret was refused")

    with pytest.raises(DependencyUnavailable) as told:
        await _all(_scripted(answer))
    assert "sk-secret" not in str(told.value)
    assert "RuntimeError" in str(told.value)


async def test_a_refusal_of_the_provider_is_told_in_the_words_that_every_asker_has() -> None:
    from pydantic_ai.exceptions import ModelHTTPError

    refused = ModelHTTPError(401, "m", "the key sk-secret")

    async def answer(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        yield "Hel"
        raise refused

    with pytest.raises(DependencyUnavailable) as told:
        await _all(_scripted(answer))
    words = unavailable(refused)
    assert (told.value.message, told.value.hint) == (words.message, words.hint)
    assert "status 401" in told.value.message
    assert told.value.__cause__ is refused


async def test_a_model_that_says_too_much_is_stopped() -> None:
    async def answer(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        for _ in range(11):
            yield "x" * 10

    with pytest.raises(DependencyUnavailable, match="too long"):
        await _all(_scripted(answer, Limits(model_characters=100)))


async def test_an_unknown_provider_is_told_as_unavailable() -> None:
    with pytest.raises(DependencyUnavailable):
        await _all(PydanticAIModel("no-such-provider:none"))
