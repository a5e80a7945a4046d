"""The models of a served agent: each request is recorded before it is sent, streamed to the user, and never paid for twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

import msgspec
from agents import Model, ModelBehaviorError, ModelProvider, ModelResponse
from agents.items import TResponseStreamEvent
from agents.models._response_terminal import response_error_event_failure_error, response_terminal_failure_error
from agents.retry import ModelRetryAdvice, ModelRetryAdviceRequest
from agents.usage import Usage, _response_usage_to_usage
from openai.types.responses import Response, ResponseCompletedEvent, ResponseOutputItemDoneEvent

from ....core.errors import DependencyUnavailable
from ....core.limits import Limits
from ...supervisor import framework_steps
from ...supervisor.framework_steps import LiveAnswer
from ...supervisor.model_calls import fingerprint
from . import failures, hosted, responses
from .lines import Line


class RecordedModel(Model):
    """A model, asked on behalf of a line."""

    def __init__(self, model: Model, name: str, line: Line) -> None:
        self._model = model
        self._name = name
        self._line = line
        self._described = _Described(name)

    async def get_response(self, *given: Any, **named: Any) -> ModelResponse:
        """The model's response, recorded."""
        return await self._asked(_request(*given, **named))

    async def stream_response(self, *given: Any, **named: Any) -> AsyncIterator[TResponseStreamEvent]:
        """The events of the recorded response: what follows the stream sees it when it is whole, the same on every replay. Its
        user sees it as it comes."""
        for event in responses.streamed(await self._asked(_request(*given, **named)), self._name):
            yield event

    async def _asked(self, asked: dict[str, Any]) -> ModelResponse:
        line, steps = self._line, self._line.scope.framework
        try:
            answered = await steps.model(
                self._described(asked),
                _Asking(self._model, self._name, asked, line.served.streams, steps.limits),
            )
        except Exception as fault:
            line.note(fault)
            raise
        recorded = json.loads(answered.recorded)
        failure = failures.decoded(recorded)
        if failure is not None:
            raise failure
        response = responses.decoded(recorded)
        line.requested_by.update(dict.fromkeys(responses.call_ids(response), answered.call_id))
        if (told := hosted.told(response)) is not None:
            await line.scope.think(told)
        return response

    def get_retry_advice(self, request: ModelRetryAdviceRequest) -> ModelRetryAdvice | None:
        """As the model advises."""
        return self._model.get_retry_advice(request)

    def _supports_default_prompt_cache_key(self) -> bool:
        supports = getattr(self._model, "_supports_default_prompt_cache_key", None)
        return bool(supports()) if callable(supports) else False

    async def _cleanup_on_run_end(self, owner: object) -> None:
        await self._model._cleanup_on_run_end(owner)


class RecordedModels(ModelProvider):
    """The models of a provider, asked on behalf of a line."""

    def __init__(self, provider: ModelProvider, line: Line) -> None:
        self._provider = provider
        self._line = line
        self._models: dict[str | None, Model] = {}

    def get_model(self, model_name: str | None) -> Model:
        """The model of that name."""
        if model_name not in self._models:
            self._models[model_name] = recorded(self._provider.get_model(model_name), self._line)
        return self._models[model_name]


def recorded(model: Model, line: Line) -> Model:
    """The model, asked on behalf of this line."""
    name = getattr(model, "model", None)
    return RecordedModel(model, name if isinstance(name, str) else type(model).__name__, line)


class _Asking:
    """One request, as it is performed."""

    def __init__(self, model: Model, name: str, asked: dict[str, Any], streams: bool, limits: Limits) -> None:
        self._model = model
        self._name = name
        self._asked = asked
        self._streams = streams
        self._silence_s = limits.model_silence_s

    async def __call__(self, live: LiveAnswer) -> framework_steps.ModelResponse:
        try:
            response = await (self._streamed(live) if self._streams else self._whole(live))
        except Exception as fault:
            if (failure := failures.encoded(fault)) is None:
                raise
            return framework_steps.ModelResponse(failure[0], {}, "error", failure[1])
        usage = responses.used(response, self._name)
        return framework_steps.ModelResponse(responses.encoded(response), usage, responses.finish_reason(response))

    async def _whole(self, live: LiveAnswer) -> ModelResponse:
        """The response, shown when it is whole."""
        response = await self._model.get_response(**self._asked)
        for text in responses.texts(response):
            live.show(text)
        return response

    async def _streamed(self, live: LiveAnswer) -> ModelResponse:
        """The response, shown as it comes."""
        items: list[Any] = []
        final: Response | None = None
        event: Any
        settings = self._asked["model_settings"]
        asked = self._asked
        if settings.include_usage is None:  # without streaming it would come unasked
            asked = {**asked, "model_settings": settings.resolve(type(settings)(include_usage=True))}
        stream: Any = self._model.stream_response(**asked)
        try:
            async with asyncio.timeout(self._silence_s) as patience, aclosing(stream) as events:
                async for event in events:
                    patience.reschedule(asyncio.get_running_loop().time() + self._silence_s)
                    kind = event.type
                    if kind in responses.SHOWN:
                        live.show(event.delta, responses.SHOWN[kind])
                    elif isinstance(event, ResponseOutputItemDoneEvent):
                        items.append(event.item)
                    elif isinstance(event, ResponseCompletedEvent):
                        final = event.response
                    elif kind in ("response.incomplete", "response.failed"):
                        raise response_terminal_failure_error(kind, event.response)
                    elif kind in ("error", "response.error"):
                        raise response_error_event_failure_error(kind, event)
        except TimeoutError as fault:
            if not patience.expired():
                raise
            raise DependencyUnavailable("The language model said nothing for too long.") from fault
        if final is None:
            raise ModelBehaviorError("Model did not produce a final response!")
        return ModelResponse(
            output=final.output or items,
            usage=Usage(requests=1) if final.usage is None else _response_usage_to_usage(final.usage),
            response_id=final.id or None,
            request_id=getattr(final, "_request_id", None),
        )


_NAMES: Final = ("system_instructions", "input", "model_settings", "tools", "output_schema", "handoffs", "tracing")


def _request(*given: Any, **named: Any) -> dict[str, Any]:
    """The arguments of ``Model.get_response``, by their names: it is called by place, too."""
    return {**dict(zip(_NAMES, given, strict=False)), **named}


class _Described:
    """What tells requests of one model from others on a replay, and what their cost is estimated from."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._settings: Any = None
        self._tools: list[Any] = []
        self._fixed = ("", "")

    def __call__(self, asked: dict[str, Any]) -> framework_steps.ModelRequest:
        settings, schemas = self._of_agent(asked["model_settings"], asked["tools"])
        instructions, sent = asked["system_instructions"] or "", _json(asked["input"])
        tools = [tool.name for tool in asked["tools"]]
        handoffs = [handoff.tool_name for handoff in asked["handoffs"]]
        schema = None if asked["output_schema"] is None else asked["output_schema"].name()
        whole = self._model, instructions, sent, tools, handoffs, schema, settings
        return framework_steps.ModelRequest(
            self._model, fingerprint(whole), (instructions, sent, schemas), asked["model_settings"].max_tokens
        )

    def _of_agent(self, settings: Any, tools: list[Any]) -> tuple[str, str]:
        """The settings and the schemas of the tools as JSON: the same for most requests of a run."""
        if settings is not self._settings or tools != self._tools:
            schemas = [getattr(tool, "params_json_schema", None) for tool in tools]
            self._fixed = _json(settings.to_json_dict()), _json(schemas)
            self._settings, self._tools = settings, list(tools)
        return self._fixed


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value, order="sorted", enc_hook=repr).decode()
    except (TypeError, ValueError, OverflowError):  # half of a surrogate pair, and names that are no texts
        return json.dumps(value, default=repr, sort_keys=True)
