"""A model's reply that an agent decides by: recorded exactly, counted, and shown to nobody."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any

import msgspec

from ...ports import Model
from ..interface import ModelReply
from .branches import own
from .framework_steps import Answered, FrameworkSteps, LiveAnswer, ModelRequest, ModelResponse
from .model_calls import fingerprint, no_model


class _Reply(msgspec.Struct):
    """What is recorded of it."""

    text: str
    usage: dict[str, Any]


def unseen_reply(
    steps: FrameworkSteps, model: Model | None, prompt: str, system: str, max_tokens: int
) -> Coroutine[Any, Any, ModelReply]:
    """Ask the model; the step has its key when this is called. Raises as ``FrameworkSteps.model`` does, and
    ``DependencyUnavailable`` at once if there is no model."""
    if model is None:
        raise no_model()
    stream = model.stream

    async def body(live: LiveAnswer) -> ModelResponse:
        said: list[str] = []
        usage: dict[str, Any] = {}
        reason = "stop"
        async with aclosing(stream(prompt, system=system, max_tokens=max_tokens)) as parts:
            async for part in parts:
                live.is_begun = True
                said.append(part.text)
                usage |= part.usage or {}
                reason = part.finish_reason or reason
        return ModelResponse(msgspec.json.encode(_Reply("".join(said), usage)), usage, reason)

    request = fingerprint("unseen", prompt, system, max_tokens)
    return _reply(steps.model(ModelRequest(model.name, request, (prompt, system), max_tokens), body))


@own
async def _reply(answered: Coroutine[Any, Any, Answered]) -> ModelReply:
    reply = msgspec.json.decode((await answered).recorded, type=_Reply)
    usage = reply.usage
    return ModelReply(
        reply.text, int(usage.get("input_tokens", 0)), int(usage.get("output_tokens", 0)), usage.get("cost_usd")
    )
