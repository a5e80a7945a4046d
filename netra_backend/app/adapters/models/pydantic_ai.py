"""A language model of any provider that pydantic-ai knows (``NETRA_MODEL=openai:gpt-4o-mini``); loaded when first asked.

Addresses and keys come from each provider's own environment (``OPENAI_API_KEY``, ``OPENAI_BASE_URL``, …), so a compatible
server of one's own is ``openai:NAME`` with ``OPENAI_BASE_URL``. Needs the extra ``models``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from ....distribution import install_hint
from ...core.errors import DependencyUnavailable
from ...core.limits import USUAL, Limits
from ...core.model_part import ModelPart

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model as ProviderModel


class PydanticAIModel:
    """``ports.Model``. ``model`` is a name such as ``openai:gpt-4o-mini``, or a pydantic-ai model."""

    def __init__(self, model: str | ProviderModel, limits: Limits = USUAL) -> None:
        self._model = model
        self._stall_s = limits.model_silence_s
        self._most_characters = limits.model_characters

    @property
    def name(self) -> str:
        return self._model if isinstance(self._model, str) else self._model.model_name

    async def stream(self, prompt: str, *, system: str, max_tokens: int) -> AsyncGenerator[ModelPart, None]:
        """The answer, in parts; the last one has the usage. Closing the iterator closes the request.

        Raises ``DependencyUnavailable``: the package is missing, the provider refuses, fails, or says nothing for too long.
        """
        try:
            async with aclosing(self._parts(prompt, system, max_tokens)) as parts:
                async for part in parts:
                    yield part
        except DependencyUnavailable:
            raise
        except ImportError as missing:
            raise DependencyUnavailable(
                "The package for this model is not installed.", hint=install_hint("models")
            ) from missing
        except TimeoutError as stalled:
            raise DependencyUnavailable("The language model did not answer in time.", retry_after_ms=5000) from stalled
        except Exception as fault:  # each provider's library has errors of its own
            raise DependencyUnavailable(
                f"The language model request failed ({type(fault).__name__}).",
                hint="Check NETRA_MODEL and the provider's key; the server's log has the details.",
                retry_after_ms=5000,
            ) from fault

    async def _parts(self, prompt: str, system: str, max_tokens: int) -> AsyncGenerator[ModelPart]:
        from pydantic_ai.direct import model_request_stream
        from pydantic_ai.messages import ModelRequest, PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta

        request = ModelRequest.user_text_prompt(prompt, instructions=system or None)
        said = 0
        async with asyncio.timeout(self._stall_s) as patience:
            async with model_request_stream(
                self._model, [request], model_settings={"max_tokens": max_tokens, "temperature": 0.2}
            ) as stream:
                async for event in stream:
                    patience.reschedule(asyncio.get_running_loop().time() + self._stall_s)
                    text = ""
                    if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
                        text = event.part.content
                    elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                        text = event.delta.content_delta
                    said += len(text)
                    if said > self._most_characters:
                        raise DependencyUnavailable("The language model's answer was too long.")
                    if text:
                        yield ModelPart(text)
                response = stream.get()
                yield ModelPart("", _usage(response), response.finish_reason or "")


def _usage(response: ModelResponse) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "model": response.model_name,
        "input_tokens": response.usage.input_tokens,
        "output_tokens": response.usage.output_tokens,
    }
    for name in ("cache_read_tokens", "cache_write_tokens"):
        if tokens := getattr(response.usage, name):
            usage[name] = tokens
    with suppress(LookupError, AssertionError):  # a model without a known price: left out, never 0
        usage["cost_usd"] = str(response.cost().total_price)
    return usage
