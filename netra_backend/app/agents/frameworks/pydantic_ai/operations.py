"""What pydantic-ai's operations become: model requests, tool calls, and steps for all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic_ai.durable_exec import (
    BoundDurableOperation,
    DurabilityEngineSpec,
    DurableOperation,
    DurableOperationBackend,
    JournalOperationNamer,
    ModelCompactMessagesId,
    ModelRequestId,
    ToolsetCallToolId,
    durable_unit_scope,
    record_durable_unit,
)

from ....core.step_keys import MAX_NAME
from ...supervisor.branches import on_branch, performed
from .current import AgentRun, current_run
from .model_requests import ask_model
from .tool_calls import call_tool, definition_of
from .tool_options import ToolOptions, options_of

_Operation = DurableOperation[Any, Any, Any]


class JournalBackend(DurableOperationBackend[ToolOptions]):
    """Performs operations as steps of the run whose agent is at work. ``spec`` is that of the engine."""

    def __init__(self, agent_name: str, spec: DurabilityEngineSpec) -> None:
        self._namer = JournalOperationNamer(agent_name)
        self._spec = spec

    def bind(self, operation: _Operation) -> Bound:
        return Bound(operation, self._namer.operation_name(operation.operation_id)[:MAX_NAME], self._spec)

    def config_for_tool(self, operation: _Operation, *, tool: Any, tool_name: str) -> ToolOptions:
        return options_of(None if tool is None else tool.tool_def, tool_name)

    def registrations(self) -> Sequence[Callable[..., object]]:
        return ()


class Bound(BoundDurableOperation[Any, Any, Any]):
    """One operation under the name that its steps have in the journal."""

    def __init__(self, operation: _Operation, name: str, spec: DurabilityEngineSpec) -> None:
        self._operation = operation
        self.name = name
        self._spec = spec

    @property
    def operation(self) -> _Operation:
        return self._operation

    async def __call__(self, params: Any, *, config: object | None = None) -> Any:
        run, operation_id = current_run(), self._operation.operation_id
        if performed() is not None:  # part of the step that is being performed
            codec = self._operation.result_codec
            return codec.load(codec.dump(await self._operation.handler(params)))
        if isinstance(operation_id, ModelRequestId | ModelCompactMessagesId):
            return await ask_model(run, self._operation, params)
        if isinstance(operation_id, ToolsetCallToolId):
            options = config if isinstance(config, ToolOptions) else options_of(definition_of(params), params.name)
            return await call_tool(run, self._operation, params, options, self._spec)
        return await self._step(run, params)

    async def _step(self, run: AgentRun, params: Any) -> Any:
        """What only reads, or what the framework may do again: the tools that there are, whether arguments fit, hooks. Its key is
        the tool call that it is part of."""
        operation = self._operation
        was_performed = False

        async def body() -> Any:
            nonlocal was_performed
            was_performed = True
            with durable_unit_scope():
                return operation.result_codec.dump(await operation.handler(params))

        ctx = params.ctx if hasattr(params, "ctx") else params.run_context
        with on_branch(run.branch):
            performing = run.scope.step(self.name, body, key=(ctx.tool_call_id or "run")[:MAX_NAME], idempotent=True)
        recorded = await performing
        record_durable_unit(executed=was_performed)
        return operation.result_codec.load(recorded)
