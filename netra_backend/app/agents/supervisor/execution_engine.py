"""Runs agents for one user: holds this user's context, emitter and dispatcher, and nothing of anybody else's."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Final, Self

from ...core import run_points, validation
from ...core.error_catalogue import CATALOGUE
from ...core.errors import Fault, NetraError, RunRefused, SSotIsolationError
from ...core.events import AgentCancelled, AgentCompleted, AgentFailed, AgentStarted, RunResumed, RunSuspended
from ...core.history import RunRecord
from ...core.journal import MOST_BEGINNINGS, VERSION, Journal
from ...core.plans import Plan
from ...core.step_keys import Branch
from ...services import hiding
from ...services.event_emitter import EventTooLarge, UserEventEmitter
from ...services.user_execution_context import UserExecutionContext
from ..interface import Agent, AgentResult, PastMessage, hands_on_tools
from ..tools.unified_tool_dispatcher_factory import ToolDispatcher
from .agent_results import not_recordable, result_of
from .branches import enter
from .past_messages import no_messages
from .run_recorder import RunRecorder
from .run_services import RunServices
from .scope import EngineRunScope, Messages

_LOG: Final = logging.getLogger("netra.run")


class UserExecutionEngine:
    """One request's engine. Open it as a scope, or call ``close``: a leaked one warns (``ResourceWarning``)."""

    __slots__ = (
        "__weakref__",
        "_closed",
        "_dispatcher",
        "_on_close",
        "_recorder",
        "cancelled_by",
        "context",
        "emitter",
        "failed_as",
        "plan",
    )

    def __init__(
        self,
        context: UserExecutionContext,
        emitter: UserEventEmitter,
        dispatcher: ToolDispatcher,
        on_close: Callable[[UserExecutionEngine], None],
        plan: Plan | None = None,
    ) -> None:
        self._closed = False
        self._on_close = on_close
        self.context = context
        self.emitter = emitter
        self._dispatcher = dispatcher
        self.plan = plan
        self.cancelled_by: str | None = None
        self.failed_as = ""
        """The error that the run ended with, by its id in the catalogue."""
        self._recorder: RunRecorder | None = None

    def is_stopping(self) -> None:
        """From here on it is the server that cancels the run's task, not the agent."""
        if self._recorder is not None:
            self._recorder.stopping = True

    @property
    def asleep_until(self) -> int:
        """When the run goes on (ms since 1970 UTC), if nothing but time makes it; else 0."""
        return 0 if self._recorder is None else self._recorder.asleep_until

    def park(self, wake_ms: int) -> None:
        """Record that the run goes on at that time, and nothing more of it. Raises what recording raises; nothing is changed
        then."""
        assert self._recorder is not None
        self._recorder.emit(RunSuspended, "waiting", wake_ms)
        self._recorder.close()
        self.close()

    def _get_tool_dispatcher(self) -> ToolDispatcher:
        """This engine's own dispatcher."""
        return self._dispatcher

    async def execute(
        self,
        agent: Agent,
        run: RunRecord,
        services: RunServices,
        *,
        message: str,
        journal: Journal,
        parts: Sequence[dict[str, Any]] = (),
        history: Sequence[PastMessage] = (),
        messages: Messages = no_messages,
    ) -> None:
        """Run the agent to its end: exactly one of completed, failed, cancelled is recorded.

        Cancelled without ``cancelled_by`` (the server goes away), nothing is recorded and the run can go on from its
        journal. Raises ``SSotIsolationError`` for a run that is not this context's.
        """
        context, emitter = self.context, self.emitter
        if run.run_id != context.run_id or run.head.owner != context.user_id:
            raise SSotIsolationError(
                "SSOT isolation: this run does not belong to the engine's context", point=validation.ENGINE_RUN
            )
        emitter.bind(run)
        self._dispatcher.restrict(agent.tools, hands_on=hands_on_tools(agent))
        recorder = self._recorder = RunRecorder(emitter, journal, services, self.plan)
        scope = EngineRunScope(
            recorder,
            self._dispatcher,
            message=message,
            parts=parts,
            now_ms=run.created_ms,
            timezone=run.timezone,
            history=history,
            messages=messages,
        )
        try:
            await self._begin(agent, run, recorder)
            hiding.enter(recorder.hidden)
            enter(Branch())
            result = await agent.run(scope)
            if self.cancelled_by is not None:  # it went on all the same
                raise asyncio.CancelledError
            if (unasked := journal.unasked()) is not None:
                raise Fault(f"The agent is not deterministic: it recorded {unasked}, but has not asked for it again.")
            self._complete(result_of(run.agent, result), run, recorder)
        except asyncio.CancelledError:
            if self.cancelled_by is None:
                if recorder.stopping and not self._closed:
                    recorder.suspend("draining")
                raise
            recorder.emit(AgentCancelled, by=self.cancelled_by)
        except (Exception, SystemExit, KeyboardInterrupt) as fault:  # the last two would end the loop
            self.fail(fault, run, services)
        finally:
            recorder.close()

    def _complete(self, result: AgentResult, run: RunRecord, recorder: RunRecorder) -> None:
        """Record that the run has completed. Raises ``ToolError`` if its result cannot be recorded."""
        try:
            recorder.emit(
                AgentCompleted,
                {"text": result.text, "data": result.data},
                recorder.total(),
                max(0, recorder.services.clock.now_ms() - run.created_ms),
                recorder.message_of(result.text),
                usage_by_model=list(recorder.usage.values()),
            )
        except EventTooLarge:
            raise
        except (TypeError, ValueError, OverflowError, RecursionError) as fault:
            raise not_recordable(run.agent, result, fault) from fault

    async def _begin(self, agent: Agent, run: RunRecord, recorder: RunRecorder) -> None:
        """Record that the run begins, or goes on. If it goes on that is committed first: it may be the agent that ended the
        process before. Raises ``RunRefused``."""
        journal, code = recorder.journal, recorder.services.registry.code_of(run.agent)
        if not journal.started:
            recorder.emit(AgentStarted, run.agent, run.request_id, VERSION, code)
            run.started = run.head.top
        else:
            if journal.beginnings >= MOST_BEGINNINGS:
                raise RunRefused(CATALOGUE["agent_crashed"].text, point=run_points.RUN_BEGINNINGS)
            is_known = code in ("", journal.code) or journal.code in ("", *getattr(agent, "compatible_versions", ()))
            if not is_known and not journal.is_empty:
                raise RunRefused(CATALOGUE["agent_changed"].text, kind="agent_changed", point=run_points.RUN_CODE)
            journal.beginnings += 1
            recorder.emit(RunResumed, journal.beginnings)
        if journal.is_resumed:
            await recorder.emitter.durable()
            await recorder.hide_again()

    def fail(self, fault: BaseException, run: RunRecord, services: RunServices) -> None:
        """End the run as failed; its user gets an error id and no further details of an internal error. A run that was being
        stopped is cancelled, whatever it says to that; of a run that was left to another process nothing is told."""
        if self._closed:
            return
        error_id = services.mint("err")
        entry = fault.entry if isinstance(fault, NetraError) else None
        _LOG.error("run failed", exc_info=fault, extra={"run_id": run.run_id, "error_id": error_id})
        if run.ended:
            return
        if self.cancelled_by is not None:
            self.emitter.emit(AgentCancelled, by=self.cancelled_by)
            return
        error: dict[str, Any] = {"error": "internal", "message": "Internal server error.", "retryable": True}
        if self._recorder is not None:
            self._recorder.close()
        if isinstance(fault, EventTooLarge):
            error = {"error": "payload_too_large", "message": f"The answer is too large: {fault}.", "retryable": False}
        elif entry is not None and isinstance(fault, NetraError):
            error = {
                "error": entry.id,
                "message": fault.message,
                "hint": fault.hint,
                "retryable": entry.retryable,
            }
        self.failed_as = error["error"]
        self.emitter.emit(AgentFailed, error_id=error_id, **error)

    def close(self) -> None:
        """Close the dispatcher, then the emitter. May be called again."""
        if not self._closed:
            self._closed = True
            self._dispatcher.close()
            self.emitter.close()
            self._on_close(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not self._closed:
            self._on_close(self)
            warnings.warn(f"an engine of {self.context.user_id} was never closed", ResourceWarning, stacklevel=1)
