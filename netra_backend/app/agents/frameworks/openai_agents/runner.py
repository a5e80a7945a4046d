"""How the SDK's runs begin: one that belongs to a run of Netra's uses copies of its agents that record what they do.

An agent that is another one's tool, and code of the author's that calls ``Runner.run``, begin runs of their own. The SDK asks its
default runner to make them, which is this one from the import of ``netra_server.openai_agents`` on; a run that belongs to
none of Netra's is made as before.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from agents import Agent, Model, RunConfig, RunResult, RunResultStreaming
from agents.run import AgentRunner, get_default_agent_runner, set_default_agent_runner

from ....core.errors import Fault
from ...supervisor.branches import performed
from .guardrails import recorded as recorded_guardrail
from .lines import CURRENT, Line
from .messages import ThreadSession
from .models import RecordedModels
from .models import recorded as recorded_model

_SHARED: Final = ("session", "conversation_id", "previous_response_id")
"""What an agent that is a tool can be given once for all of its runs."""

_GIVEN: Final = "_netra_given"
"""Names what the author gave in a configuration that is made here: an agent that is a tool is given that of who asks it."""


class RecordingRunner(AgentRunner):
    """Makes runs by ``runner``, recorded if they belong to a run of Netra's."""

    def __init__(self, runner: AgentRunner) -> None:
        self._runner = runner

    async def run(self, starting_agent: Agent[Any], input: Any, **options: Any) -> RunResult:
        """As ``Runner.run``."""
        agent = _prepared(starting_agent, options)
        return await self._runner.run(agent, input, **options)

    def run_sync(self, starting_agent: Agent[Any], input: Any, **options: Any) -> RunResult:
        """As ``Runner.run_sync``, which no run of Netra's can call: it needs a thread without a loop."""
        _prepared(starting_agent, options)
        return self._runner.run_sync(starting_agent, input, **options)

    def run_streamed(self, starting_agent: Agent[Any], input: Any, **options: Any) -> RunResultStreaming:
        """As ``Runner.run_streamed``."""
        agent = _prepared(starting_agent, options)
        return self._runner.run_streamed(agent, input, **options)


def _prepared(agent: Agent[Any], options: dict[str, Any]) -> Agent[Any]:
    """The agent to run; ``options`` are changed."""
    line = CURRENT.get()
    if line is None:
        return agent
    config = options.get("run_config")
    config = RunConfig() if config is None else RunConfig(**config) if isinstance(config, dict) else config
    config = vars(config).get(_GIVEN, config)
    if performed() is not None:  # inside of a tool: the tool's result is what is recorded
        options["run_config"] = dataclasses.replace(config, tracing_disabled=True)
        return agent
    shared = [name for name in _SHARED if options.get(name)]
    if shared and not isinstance(options.get("session"), ThreadSession):
        fault = Fault(f"{agent.name} is run with {', '.join(shared)}, in which all users would meet: leave it out.")
        line.note(fault)
        raise fault
    options["run_config"] = recording(config, line)
    return line.agent(agent)


def recording(config: RunConfig, line: Line) -> RunConfig:
    """The configuration of a run that asks recorded models, and that traces nothing."""
    given, model = config, config.model
    made = dataclasses.replace(
        given,
        model=recorded_model(model, line) if isinstance(model, Model) else model,
        model_provider=RecordedModels(given.model_provider, line),
        input_guardrails=[recorded_guardrail(each, line) for each in given.input_guardrails or ()],
        output_guardrails=[recorded_guardrail(each, line) for each in given.output_guardrails or ()],
        group_id=given.group_id or line.scope.context.thread_id,  # else the SDK draws a key for the provider's cache
        tracing_disabled=True,
    )
    vars(made)[_GIVEN] = given
    return made


def install() -> RecordingRunner:
    """The SDK's default runner from now on."""
    runner = get_default_agent_runner()
    if not isinstance(runner, RecordingRunner):
        runner = RecordingRunner(runner)
        set_default_agent_runner(runner)
    return runner


def check_runner() -> None:
    """Raises ``Fault`` if another default runner was set, by which an agent's tools would not be recorded."""
    if not isinstance(get_default_agent_runner(), RecordingRunner):
        raise Fault(
            "Another default runner of the OpenAI Agents SDK was set, so an agent that is a tool cannot be recorded."
        )
