"""Answers of a model that count only if they are whole. Imports pydantic-ai."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from pydantic_ai.exceptions import ModelAPIError
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import RunContext


def is_whole(model: Model, response: ModelResponse) -> bool:
    """Whether the provider has said why the answer ends. A connection that is closed in good order may still cut one short, and
    the libraries of most providers take what came for all of it. A model without a provider ends when it ends."""
    return (
        model.provider is None
        or response.finish_reason == "content_filter"
        or "finish_reason" in (response.provider_details or {})
    )


class WholeAnswers(WrapperModel):
    """The model; a streamed answer of it that was cut short raises ``ModelAPIError`` at its end."""

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        async with self.wrapped.request_stream(
            messages, model_settings, model_request_parameters, run_context
        ) as stream:
            yield stream
            if not is_whole(self.wrapped, stream.get()):
                raise ModelAPIError(self.wrapped.model_name, "The language model's answer broke off.")
