"""A language model of any provider that pydantic-ai knows (``NETRA_MODEL=openai:gpt-4o-mini``); loaded when first asked.

Addresses and keys come from each provider's own environment (``OPENAI_API_KEY``, ``OPENAI_BASE_URL``, …): ``openai:NAME`` is the
Responses API, ``openai-chat:NAME`` with ``OPENAI_BASE_URL`` a compatible server of one's own. Needs the extra ``models``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, aclosing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ...core.errors import DependencyUnavailable
from ...core.limits import USUAL, Limits
from ...core.model_part import ModelPart
from ...services.model_faults import unavailable

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model as ProviderModel


class PydanticAIModel:
    """``ports.Model``. ``model`` is a name such as ``openai:gpt-4o-mini``, or a pydantic-ai model."""

    def __init__(self, model: str | ProviderModel, limits: Limits = USUAL) -> None:
        self._model = model
        self._opened: ProviderModel | None = None
        self._whole: ProviderModel | None = None
        self._open = AsyncExitStack()
        self._stall_s = limits.model_silence_s
        self._most_characters = limits.model_characters

    @property
    def name(self) -> str:
        return self._model if isinstance(self._model, str) else self._model.model_name

    async def stream(self, prompt: str, *, system: str, max_tokens: int) -> AsyncGenerator[ModelPart, None]:
        """The answer, in parts; the last one has the usage. Closing the iterator closes the request.

        Raises ``DependencyUnavailable``: the package is missing, the provider refuses, fails, or says nothing for too long.
        """
        with _told():
            async with aclosing(self._parts(prompt, system, max_tokens)) as parts:
                async for part in parts:
                    yield part

    async def provided(self) -> ProviderModel:
        """The model as agents of pydantic-ai take it: its answers count if they are whole, as those of ``stream``. Raises
        ``DependencyUnavailable`` if it cannot be had."""
        with _told():
            if self._whole is None:
                from .whole_answers import WholeAnswers

                self._whole = WholeAnswers(await self._provider())
            return self._whole

    async def close(self) -> None:
        """Close its connections."""
        await self._open.aclose()

    async def _provider(self) -> ProviderModel:
        """The model with its connections, which all requests share."""
        if self._opened is None:
            from pydantic_ai.models import infer_model

            from .missing_usage import allow_missing_usage

            self._opened = infer_model(self._model)
            allow_missing_usage(self._opened)
            await self._open.enter_async_context(self._opened)
        return self._opened

    async def _parts(self, prompt: str, system: str, max_tokens: int) -> AsyncGenerator[ModelPart]:
        from pydantic_ai.direct import model_request_stream
        from pydantic_ai.messages import ModelRequest, PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta

        from .whole_answers import is_whole

        request = ModelRequest.user_text_prompt(prompt, instructions=system or None)
        said = 0
        async with asyncio.timeout(self._stall_s) as patience:
            model = await self._provider()
            async with model_request_stream(model, [request], model_settings={"max_tokens": max_tokens}) as stream:
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
                if not is_whole(model, response):
                    raise DependencyUnavailable("The language model's answer broke off.", retry_after_ms=5000)
                yield ModelPart("", _usage(response), response.finish_reason or "")


@contextmanager
def _told() -> Iterator[None]:
    """Whatever a provider's library raises is a ``DependencyUnavailable``."""
    try:
        yield
    except DependencyUnavailable:
        raise
    except Exception as fault:  # each provider's library has errors of its own
        raise unavailable(fault) from fault


def _usage(response: ModelResponse) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "model": response.model_name,
        "input_tokens": response.usage.input_tokens,
        "output_tokens": response.usage.output_tokens,
    }
    for name in ("cache_read_tokens", "cache_write_tokens"):
        if tokens := getattr(response.usage, name):
            usage[name] = tokens
    if response.usage.unmeasured_requests or not any((usage["input_tokens"], usage["output_tokens"])):  # it did not say
        return usage
    with suppress(LookupError, AssertionError, ValueError):  # without a known price or its usage: left out, never 0
        usage["cost_usd"] = str(response.cost().total_price)
    return usage
