"""What a tool call waits for: the user's approval, an answer of theirs, or a result that is made elsewhere. The run waits, and
goes on with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any, Final

from pydantic import JsonValue, TypeAdapter
from pydantic_ai.durable_exec import ExternalEventError, ExternalEventWaiter
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.tools import DeferredToolRequests, DeferredToolResults, ToolApproved

from ....core.errors import ToolError
from ....core.step_keys import MAX_NAME
from ...supervisor.branches import on_branch
from .current import AgentRun

_RESULTS: Final = TypeAdapter(DeferredToolResults)


async def resolved(run: AgentRun, requests: DeferredToolRequests) -> DeferredToolResults:
    """What the run's user says to each. An approval is asked for when its call is made: that shows the arguments, and others may
    be given there."""
    for call in requests.approvals:
        reason = requests.metadata.get(call.tool_call_id, {}).get("reason")
        run.approving[call.tool_call_id] = reason if isinstance(reason, str) and reason else True
    with on_branch(run.branch):
        asking = [_asked(run, requests, call) for call in requests.calls]
    answers = await asyncio.gather(*map(_answer, asking))
    return requests.build_results(
        approvals={call.tool_call_id: ToolApproved() for call in requests.approvals},
        calls={call.tool_call_id: answer for call, answer in zip(requests.calls, answers, strict=True)},
    )


def _asked(run: AgentRun, requests: DeferredToolRequests, call: ToolCallPart) -> Coroutine[Any, Any, Any]:
    """Asks the user about this call, when it is awaited; its key is given out now."""
    metadata = requests.metadata.get(call.tool_call_id, {})
    text, schema = metadata.get("question"), metadata.get("schema")
    if not isinstance(text, str) or not text:
        text = f"{call.tool_name}: {json.dumps(call.args_as_dict(), ensure_ascii=False)}"
    text = text.encode(errors="replace")[: run.steps.limits.ask_bytes].decode(errors="ignore")
    return run.scope.ask_user(text, schema=schema if isinstance(schema, dict) else None)


async def _answer(asked: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await asked
    except ToolError as fault:
        return ToolFailed(f"{fault.code}: {fault.message}")


class UserWaiter(ExternalEventWaiter):
    """Lets what the agent waits for (``RequestInput``) be answered by the run's user, unless the agent's own function does."""

    def __init__(self, run: AgentRun) -> None:
        self._run = run

    async def wait(
        self,
        name: str,
        *,
        ask: Callable[[str], Awaitable[JsonValue]],
        timeout: timedelta | None,  # noqa: ASYNC109  # as pydantic-ai calls it
    ) -> JsonValue:
        run, scope = self._run, self._run.scope
        token = f"{scope.context.run_id}:{name}:{run.next(name)}"
        requests, run.pending = run.pending, None
        with on_branch(run.branch):
            asking = scope.step(f"ask {name}"[:MAX_NAME], lambda: ask(token), idempotent=True)
        answer: JsonValue = await asking
        if answer is not None:
            return answer
        if requests is not None:
            plain: JsonValue = _RESULTS.dump_python(await resolved(run, requests), mode="json")
            return plain
        with on_branch(run.branch):
            asking = scope.ask_user(name, timeout_s=None if timeout is None else timeout.total_seconds())
        try:
            answer = await asking
        except ToolError as fault:
            raise ExternalEventError(fault.message) from fault
        return answer
