"""Runs agents for one user: holds this user's context, emitter and dispatcher, and nothing of anybody else's."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Final, Self

from ...core import validation
from ...core.errors import NetraError, SSotIsolationError
from ...core.events import AgentCancelled, AgentCompleted, AgentFailed, AgentStarted
from ...core.history import RunRecord
from ...core.journal import Journal
from ...services.event_emitter import EventTooLarge, UserEventEmitter
from ...services.user_execution_context import UserExecutionContext
from ..interface import Agent, PastMessage
from ..tools.unified_tool_dispatcher_factory import ToolDispatcher
from .run_services import RunServices
from .scope import EngineRunScope

_LOG: Final = logging.getLogger("netra.run")


class UserExecutionEngine:
    """One request's engine. Open it as a scope, or call ``close``: a leaked one warns (``ResourceWarning``)."""

    __slots__ = ("__weakref__", "_closed", "_dispatcher", "_on_close", "cancelled_by", "context", "emitter")

    def __init__(
        self,
        context: UserExecutionContext,
        emitter: UserEventEmitter,
        dispatcher: ToolDispatcher,
        on_close: Callable[[UserExecutionEngine], None],
    ) -> None:
        self._closed = False
        self._on_close = on_close
        self.context = context
        self.emitter = emitter
        self._dispatcher = dispatcher
        self.cancelled_by: str | None = None

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
        history: Sequence[PastMessage] = (),
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
        self._dispatcher.restrict(agent.tools)
        began = services.clock.monotonic()
        scope = EngineRunScope(
            emitter,
            self._dispatcher,
            journal,
            services,
            message=message,
            now_ms=run.created_ms,
            timezone=run.timezone,
            history=history,
        )
        try:
            if not journal.started:
                emitter.emit(AgentStarted, run.agent, run.request_id)
            result = await agent.run(scope)
            emitter.emit(
                AgentCompleted,
                {"text": result.text, "data": result.data},
                {
                    "input_tokens": scope.input_tokens,
                    "output_tokens": scope.output_tokens,
                    "cost_usd": str(scope.cost_usd),
                },
                round((services.clock.monotonic() - began) * 1000),
            )
        except asyncio.CancelledError:
            if self.cancelled_by is None:
                raise
            emitter.emit(AgentCancelled, by=self.cancelled_by)
        except Exception as fault:
            self.fail(fault, run, services)

    def fail(self, fault: Exception, run: RunRecord, services: RunServices) -> None:
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
        if isinstance(fault, EventTooLarge):
            error = {"error": "payload_too_large", "message": f"The answer is too large: {fault}.", "retryable": False}
        elif entry is not None and isinstance(fault, NetraError):
            error = {
                "error": entry.id,
                "message": fault.message,
                "hint": fault.hint,
                "retryable": entry.retryable,
            }
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
