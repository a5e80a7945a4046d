"""Answers that were cut short are none."""

from __future__ import annotations

from typing import Any

import pytest


class Told:
    """A model with a provider, as far as it matters."""

    provider = object()
    model_name = "scripted"


@pytest.mark.parametrize(
    ("details", "reason", "whole"),
    [({"finish_reason": "stop"}, "stop", True), ({}, None, False), (None, None, False), (None, "content_filter", True)],
)
def test_an_answer_is_whole_if_its_provider_says_why_it_ends(details: Any, reason: Any, whole: bool) -> None:
    from pydantic_ai.messages import ModelResponse

    from netra_backend.app.adapters.models.whole_answers import is_whole

    model: Any = Told()
    assert is_whole(model, ModelResponse(parts=[], provider_details=details, finish_reason=reason)) is whole


async def test_a_model_without_a_provider_ends_when_it_ends() -> None:
    from pydantic_ai.direct import model_request_stream
    from pydantic_ai.messages import ModelRequest
    from pydantic_ai.models.function import FunctionModel

    from netra_backend.app.adapters.models.whole_answers import WholeAnswers

    async def answer(messages: Any, info: Any) -> Any:
        yield "Hello."

    model = WholeAnswers(FunctionModel(stream_function=answer))
    async with model_request_stream(model, [ModelRequest.user_text_prompt("hi")]) as stream:
        async for _ in stream:
            pass
    assert stream.get().text == "Hello."
