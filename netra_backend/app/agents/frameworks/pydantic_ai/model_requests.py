"""Model requests: each is sent once, its response is recorded exactly, and its text is shown as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

import msgspec
from pydantic_ai.durable_exec import DurableOperation, durable_unit_scope, record_durable_unit
from pydantic_ai.exceptions import ModelAPIError, ModelTimeoutError
from pydantic_ai.messages import (
    AgentStreamEvent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    RetryFeedbackPart,
    TextPart,
    ThinkingPart,
    ThinkingPartDelta,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.tools import RunContext

from ....core.limits import Limits
from ....services import model_faults
from ...supervisor.branches import on_branch
from ...supervisor.framework_steps import LiveAnswer
from ...supervisor.framework_steps import ModelRequest as Request
from ...supervisor.framework_steps import ModelResponse as Response
from ...supervisor.model_calls import fingerprint
from ...supervisor.model_stream import REFUSED, SentenceGate
from .current import AgentRun
from .failures import encoded_failure, failure, streamed


class Coming(NamedTuple):
    """A response that comes: who is shown it, how long it may be silent, and how long it may be. The ``gate`` says what may be
    shown, if not all of it."""

    live: LiveAnswer
    patience: asyncio.Timeout
    limits: Limits
    gate: SentenceGate | None


_COMING: Final[ContextVar[Coming | None]] = ContextVar("netra_pydantic_ai_coming", default=None)


async def ask_model(run: AgentRun, operation: DurableOperation[Any, Any, Any], params: Any) -> Any:
    """What the model says to ``params``, from the journal if it is recorded. Raises what the model's class raised."""
    messages: list[ModelMessage] = getattr(params, "messages", None) or params.request_context.messages
    settings: Any = getattr(params, "model_settings", None) or {}
    model: Any = params.run_context.model
    was_sent = False

    async def body(live: LiveAnswer) -> Response:
        nonlocal was_sent
        was_sent = True
        limits, house = run.steps.limits, run.house
        gate = None if house is None else SentenceGate(house.allows)
        try:
            async with asyncio.timeout(limits.model_silence_s if can_stream(model) else None) as patience:
                token = _COMING.set(Coming(live, patience, limits, gate))
                try:
                    with durable_unit_scope():
                        response = await operation.handler(params)
                finally:
                    _COMING.reset(token)
        except Exception as raised:
            fault = raised
            if isinstance(fault, TimeoutError) and patience.expired():
                fault = ModelTimeoutError(model.model_name, f"{model.model_name} said nothing for too long.")
            told = model_faults.told(fault)
            encoded = encoded_failure(fault)
            if encoded is None:
                raise
            if house is not None and live.text:
                live.replace(house.instead(told))
            return Response(msgspec.json.encode({"failure": encoded}), usage_of(streamed(fault)), "error", told)
        said: dict[str, Any] = {"response": operation.result_codec.dump(response)}
        if house is not None and gate is not None:
            live.show(gate.rest())
            if gate.refused:
                said["refused"] = True
                if not response.tool_calls:  # it was to be the answer
                    live.replace(house.instead(REFUSED))
        return Response(msgspec.json.encode(said), usage_of(response), response.finish_reason or "stop")

    name = _name_of(model)
    asked = Request(name, _fingerprint(name, messages), _texts(messages), settings.get("max_tokens"))
    with on_branch(run.branch):
        answering = run.steps.model(asked, body)
    answered = await answering
    record_durable_unit(executed=was_sent)
    run.asked_by = answered.call_id
    recorded = msgspec.json.decode(answered.recorded)
    if "failure" in recorded:
        raise failure(recorded["failure"])
    run.is_refused = recorded.get("refused", False)
    return operation.result_codec.load(recorded["response"])


async def show(_: RunContext[Any], events: AsyncIterable[AgentStreamEvent]) -> None:
    """Shows text and reasoning as it comes. Arguments of tools are shown when they are whole: redacted. Raises
    ``ModelAPIError`` if it is more than the server's limit."""
    coming, said = _COMING.get(), 0
    async for event in events:
        if coming is None:
            continue
        coming.patience.reschedule(asyncio.get_running_loop().time() + coming.limits.model_silence_s)
        part: Any = (
            event.part
            if isinstance(event, PartStartEvent)
            else event.delta
            if isinstance(event, PartDeltaEvent)
            else None
        )
        text = part.content if isinstance(part, TextPart | ThinkingPart) else getattr(part, "content_delta", None) or ""
        said += len(text)
        if said > coming.limits.model_characters:
            raise ModelAPIError("", "The language model's answer was too long.")
        is_reasoning = isinstance(part, ThinkingPart | ThinkingPartDelta)
        if coming.gate is None:
            coming.live.show(text, "reasoning" if is_reasoning else "")
        else:
            coming.live.is_begun = True
            if not is_reasoning:  # which holds figures that are not final
                coming.live.show(coming.gate.add(text))


def can_stream(model: Any) -> bool:
    """Whether this model gives its responses in parts: all do but functions that were not made to."""
    while (wrapped := getattr(model, "wrapped", None)) is not None:
        model = wrapped
    return not (isinstance(model, FunctionModel) and model.stream_function is None)


def usage_of(response: ModelResponse | None) -> dict[str, Any]:
    """What the provider says that a response has used; empty if it says nothing."""
    if response is None:
        return {}
    said = response.usage
    usage: dict[str, Any] = {}
    if response.model_name:
        usage["model"] = response.model_name
    if not said.has_values():
        return usage
    usage |= {"input_tokens": said.input_tokens, "output_tokens": said.output_tokens}
    for name in ("cache_read_tokens", "cache_write_tokens"):
        if tokens := getattr(said, name):
            usage[name] = tokens
    if tokens := said.details.get("reasoning_tokens") or said.details.get("thoughts_tokens"):
        usage["reasoning_tokens"] = tokens
    with suppress(LookupError, AssertionError, ValueError):  # without a known price: left out, never 0
        usage["cost_usd"] = str(response.cost().total_price)
    return usage


def _name_of(model: Any) -> str:
    """What a request is shown and reserved as: of several models, the one that is asked first."""
    while (wrapped := getattr(model, "wrapped", None)) is not None or isinstance(model, FallbackModel):
        model = model.models[0] if wrapped is None else wrapped
    return str(model.model_id)


def _fingerprint(model: str, messages: list[ModelMessage]) -> str:
    """Tells a request from others by what the run has done: how long the conversation is, and what came last. Instructions and
    system prompts say the date or the time in many agents, and are not compared."""
    last = messages[-1] if messages else None
    told: list[object] = [model, len(messages)]
    if isinstance(last, ModelRequest):
        for part in last.parts:
            if isinstance(part, UserPromptPart):
                told.append(part.content if isinstance(part.content, str) else len(part.content))
            elif isinstance(part, ToolReturnPart):
                told.append((part.tool_name, part.tool_call_id))
            elif isinstance(part, RetryFeedbackPart):
                told.append(part.content)
    return fingerprint(*told)


def _texts(messages: list[ModelMessage]) -> tuple[str, ...]:
    """What is sent, to estimate what it costs."""
    return tuple(_each_text(messages))


def _each_text(messages: list[ModelMessage]) -> Iterable[str]:
    for message in messages:
        if isinstance(message, ModelRequest) and message.instructions:
            yield message.instructions
        for part in message.parts:
            content: Any = getattr(part, "content", None)
            if isinstance(content, str):
                yield content
            elif isinstance(content, list | tuple):
                yield from (each for each in content if isinstance(each, str))
            elif isinstance(content, dict):
                yield str(content)
            arguments: Any = getattr(part, "args", None)
            if arguments:
                yield arguments if isinstance(arguments, str) else str(arguments)
