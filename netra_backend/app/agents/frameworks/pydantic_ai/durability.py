"""The capability that a run of an agent gets: pydantic-ai hands it all that acts on the world, and it has the run record it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from pydantic_ai.agent import EventStreamHandler
from pydantic_ai.agent.abstract import AbstractAgent
from pydantic_ai.capabilities import ModelFallback, RequestInput
from pydantic_ai.capabilities.abstract import AbstractCapability, CapabilityOrdering, leaf_capabilities
from pydantic_ai.durable_exec import JSON_CODEC, BaseDurabilityCapability, DurabilityEngineSpec, ModelRequestParams
from pydantic_ai.messages import ModelResponse
from pydantic_ai.tools import DeferredToolRequests, DeferredToolResults, RunContext
from pydantic_ai.toolsets import AbstractToolset

from .current import RUN, current_run
from .deferred import resolved
from .model_requests import can_stream, show
from .operations import JournalBackend
from .tool_options import KEY
from .toolsets import Recorded

SPEC: Final = DurabilityEngineSpec(
    engine_name="Netra",
    durable_unit_noun="step",
    durable_container_noun="run",
    codec=JSON_CODEC,
    toolset_lifecycles={"function": "enter-always", "mcp": "enter-in-durable-unit", "dynamic": "enter-never"},
    tool_config_key=KEY,
)


_MOST_MODELS: Final = 64


class NetraDurability(BaseDurabilityCapability[Any]):
    """Bound to one agent by ``for_agent``, and given to each of its runs. It keeps nothing of any run."""

    engine_spec: ClassVar[DurabilityEngineSpec] = SPEC

    def __init__(self, *, name: str, stateless_toolsets: frozenset[str] = frozenset()) -> None:
        super().__init__(name=name)
        self._stateless = stateless_toolsets
        self._backend = JournalBackend(name, SPEC)
        self._recorded: Recorded | None = None
        self._of_models: dict[tuple[str | None, str], Any] = {}

    # --- what it is bound to ----------------------------------------------------------------------------------------

    def for_agent(self, agent: AbstractAgent[Any, Any]) -> AbstractCapability[Any]:
        return self if self._agent is agent else super().for_agent(agent)

    def _bind_to_agent(self, agent: AbstractAgent[Any, Any]) -> None:
        self._of_models = {}  # this is a copy
        self._recorded = Recorded(self._wrap_leaf_toolset, self._stateless)
        self._recorded.keep(list(agent.toolsets))

    def get_durable_operation_backend(self) -> JournalBackend:
        return self._backend

    def get_wrapper_toolset(self, toolset: AbstractToolset[Any]) -> AbstractToolset[Any] | None:
        assert self._recorded is not None, "it is bound before it runs"
        return self._recorded.of_run(toolset)

    def get_ordering(self) -> CapabilityOrdering:
        return CapabilityOrdering(position="innermost", wrapped_by=(ModelFallback,), wraps=(RequestInput,))

    # --- one run ----------------------------------------------------------------------------------------------------

    @property
    def in_durable_context(self) -> bool:
        return RUN.get() is not None

    def get_default_run_id(self) -> str | None:
        run = RUN.get()
        return None if run is None else f"{run.scope.context.run_id}:{run.next('run')}"

    def get_default_conversation_id(self, run_id: str) -> str | None:
        run = RUN.get()
        return None if run is None else run.scope.context.thread_id

    async def get_run_start_time(self, run_id: str) -> datetime | None:
        run = RUN.get()
        return None if run is None else datetime.fromtimestamp(run.scope.now_ms / 1000, UTC)

    async def handle_deferred_tool_calls(
        self, ctx: RunContext[Any], *, requests: DeferredToolRequests
    ) -> DeferredToolResults | None:
        if not self.in_durable_context:
            return None
        run, root = current_run(), ctx.root_capability
        if root is not None and any(isinstance(each, RequestInput) for each in leaf_capabilities(root)):
            run.pending = requests  # the agent's own function is asked first
            return None
        return await resolved(run, requests)

    # --- model requests ---------------------------------------------------------------------------------------------

    def _bind_model_operations(self, backend: Any, *, model_id: str | None, model_name: str) -> Any:
        """Once for each model: they are the same for all its requests."""
        bound = self._of_models.get((model_id, model_name))
        if bound is None:
            bound = super()._bind_model_operations(backend, model_id=model_id, model_name=model_name)
            if len(self._of_models) < _MOST_MODELS:
                self._of_models[model_id, model_name] = bound
        return bound

    def _model_stream_event_handler(self) -> EventStreamHandler[Any] | None:
        return show

    async def _model_request_operation(self, params: ModelRequestParams) -> ModelResponse:
        """As a stream, so that its text is seen as it comes; the agent gets the whole."""
        if can_stream(params.run_context.model):
            return await self._model_request_stream_operation(params)
        return await super()._model_request_operation(params)
