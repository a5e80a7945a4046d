"""A run's requests to a language model: recorded before they are sent, streamed to the user, and never paid for twice."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from ...core.asks import ModelCall
from ...core.errors import BudgetRefused, DependencyUnavailable
from ...core.events import ModelStarted
from ...core.journal import Perform, Recorded
from ..interface import ModelReply
from .branches import Performing, on_branch
from .model_stream import Coalescer, SentenceGate, Shown
from .run_recorder import RunRecorder, until_cancelled
from .spending import Spending, refused_again, told_refusal


def fingerprint(*request: object) -> str:
    """Tells one request from another: 64 bits of a digest."""
    return hashlib.blake2b(repr(request).encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()


def no_model() -> DependencyUnavailable:
    """What is said to an agent that asks a model on a server that has none."""
    return DependencyUnavailable("No language model is configured.", hint="Set NETRA_MODEL.")


class ModelCalls:
    """The model requests of one agent of a run, on behalf of the step ``parent_call_id``, if another agent asked it."""

    __slots__ = ("_parent", "_recorder")

    def __init__(self, recorder: RunRecorder, parent_call_id: str) -> None:
        self._recorder = recorder
        self._parent = parent_call_id

    async def ask(
        self,
        key: str,
        prompt: str,
        *,
        system: str,
        max_tokens: int,
        check: Callable[[str], bool] | None,
        instead: str | None,
    ) -> ModelReply:
        """As ``RunScope.ask_model``, for the request that has this key."""
        recorder, model = self._recorder, self._recorder.services.model
        name = "" if model is None else model.name
        request = fingerprint(prompt, system, max_tokens)
        answer = recorder.next(key, ModelCall(request))
        if type(answer) is Recorded:
            assert answer.reply is not None
            if answer.cancelled:
                await until_cancelled()
            if answer.reply.error is not None:
                raise refused_again(answer.reply) or DependencyUnavailable(answer.reply.error)
            return self._count(name, answer.call_id, answer.reply.text, answer.reply.usage)
        assert type(answer) is Perform
        call_id, attempt = answer.call_id, answer.attempt
        recorder.emit(ModelStarted, call_id, attempt, name, key, request, self._parent)
        gate = check and SentenceGate(check)
        shown = Shown(recorder, call_id, attempt, self._parent, Coalescer(recorder.services.clock), gate)
        usage: dict[str, Any] = {}
        spending = Spending(recorder, call_id, attempt)
        try:
            if model is not None:
                await recorder.emitter.durable()
                await spending.reserve(name, (prompt, system), max_tokens)
            with on_branch(Performing("ask_model", call_id, attempt)):
                reason = await self._stream(shown, usage, prompt, system, max_tokens)
            text = shown.finish(reason, usage)
        except asyncio.CancelledError:
            spending.end(usage)
            if not recorder.stopping:
                shown.cancel(usage)
            raise
        except Exception as fault:  # recorded, so that an agent that goes on without the model does so on every replay
            spending.end(usage, cost_nothing=not shown.is_begun and not isinstance(fault.__cause__, TimeoutError))
            reason = "The language model failed."
            if isinstance(fault, DependencyUnavailable | BudgetRefused):
                reason = fault.message
            if instead is None:
                if isinstance(fault, BudgetRefused):
                    shown.fail(reason, told_refusal(fault))
                    raise
                shown.fail(reason, usage)
                raise DependencyUnavailable(reason) from fault
            usage["replaced"] = reason
            text = shown.replace(instead, usage)
        else:
            spending.end(usage)
        return self._count(name, call_id, text, usage)

    async def _stream(self, shown: Shown, usage: dict[str, Any], prompt: str, system: str, most: int) -> str:
        model, reason = self._recorder.services.model, "stop"
        if model is None:
            raise no_model()
        async with aclosing(model.stream(prompt, system=system, max_tokens=most)) as parts:
            async for part in parts:
                usage.update(part.usage or {})
                reason = part.finish_reason or reason
                shown.add(part.text)
        return reason

    def _count(self, name: str, call_id: str, text: str, usage: dict[str, Any]) -> ModelReply:
        text = self._recorder.hidden.text(text)  # as the journal gives it back
        self._recorder.shown(call_id, text)
        self._recorder.count(name, usage)
        return ModelReply(
            text,
            int(usage.get("input_tokens", 0)),
            int(usage.get("output_tokens", 0)),
            usage.get("cost_usd"),
            usage.get("replaced"),
        )
