"""An agent of the house: it runs on the model that the server is configured with, over tools of the server's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec
from pydantic_ai import Agent
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.exceptions import AgentRunError, FallbackExceptionGroup
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, ToolCallPart, UserPromptPart
from pydantic_ai.tools import Tool
from pydantic_ai.toolsets import FunctionToolset
from pydantic_ai.usage import UsageLimits

from ....core.errors import BudgetRefused, DependencyUnavailable
from ....services import model_faults
from ...house_rules import Called, HouseRules, ModelAnswer, UnusableAnswer
from ...interface import PastMessage
from ...supervisor.model_stream import REFUSED, SentenceGate
from ...supervisor.scope import EngineRunScope
from ...tools.definition import Tool as NetraTool
from .current import AgentRun
from .durability import NetraDurability
from .served import at_work

MOST_REQUESTS: Final = 12
MOST_CALLS: Final = 40
_TOOLSET: Final = "netra"


class _Made(NamedTuple):
    model: Any
    agent: Agent[None, str]
    capability: AbstractCapability[Any]


_MADE: dict[str, _Made] = {}
"""The agents by their names, for the one model of the process. They keep nothing of any run."""


async def ask(
    scope: EngineRunScope,
    name: str,
    instructions: str,
    prompt: str,
    *,
    learn: Callable[[Called], None],
    allows: Callable[[str], bool],
    instead: Callable[[str], str],
) -> ModelAnswer:
    """What the agent of that name says to ``prompt``, with the run's history before it, over those of the server's tools that it
    lists and its user may use. The last three are as in ``HouseRules``. Raises ``UnusableAnswer``."""
    steps = scope.framework
    provided, tools = steps.model_of_server, steps.usable_tools()
    if provided is None:
        raise UnusableAnswer("The language model cannot choose tools.")
    run = AgentRun(scope, HouseRules(frozenset(tool.name for tool in tools), learn, allows, instead))
    try:
        made = _made(name, instructions, await provided())
        with at_work(run, made.agent):
            done = await made.agent.run(
                prompt,
                message_history=_texts(scope.history, scope.now_ms),
                toolsets=[FunctionToolset([_offered(tool) for tool in tools], id=_TOOLSET)],
                model_settings={"max_tokens": steps.model_tokens},
                usage_limits=UsageLimits(request_limit=MOST_REQUESTS, tool_calls_limit=MOST_CALLS),
                capabilities=[made.capability],
                infer_name=False,
            )
    except (DependencyUnavailable, BudgetRefused) as fault:
        raise UnusableAnswer(fault.message) from fault
    except (AgentRunError, FallbackExceptionGroup) as fault:
        raise UnusableAnswer(model_faults.told(fault)) from fault
    if run.is_refused or not _passes(allows, done.output):
        raise UnusableAnswer(REFUSED)
    if not done.output.strip():
        raise UnusableAnswer("The language model said nothing.")
    return ModelAnswer(done.output, tuple(_in_order(done.new_messages(), run.called)))


def _passes(allows: Callable[[str], bool], text: str) -> bool:
    gate = SentenceGate(allows)
    gate.add(text)
    gate.rest()
    return not gate.refused


def _made(name: str, instructions: str, model: Any) -> _Made:
    made = _MADE.get(name)
    if made is None or made.model is not model:
        agent: Agent[None, str] = Agent(model, name=name, instructions=instructions)
        made = _MADE[name] = _Made(model, agent, NetraDurability(name=name).for_agent(agent))
    return made


def _offered(tool: NetraTool[Any]) -> Tool[None]:
    return Tool.from_schema(_never, tool.name, tool.description, _schema(tool))


def _schema(tool: NetraTool[Any]) -> dict[str, Any]:
    """The arguments, as an object at the top: providers refuse one that is a reference."""
    schema = msgspec.json.schema(tool.arguments)
    named = schema.pop("$ref", "").rpartition("/")[2]
    return {**schema["$defs"][named], **schema} if named else schema


async def _never(**_: Any) -> Any:
    raise AssertionError("a tool of the server's own is called by the run")


def _texts(history: Sequence[PastMessage], now_ms: int) -> list[ModelMessage]:
    at = datetime.fromtimestamp(now_ms / 1000, UTC)
    return [
        ModelRequest(parts=[UserPromptPart(each.text, timestamp=at)], timestamp=at)
        if each.role == "user"
        else ModelResponse(parts=[TextPart(each.text)], timestamp=at)
        for each in history
        if each.text
    ]


def _in_order(messages: Sequence[ModelMessage], called: dict[str, Called]) -> list[Called]:
    asked = [part for each in messages if isinstance(each, ModelResponse) for part in each.parts]
    ids = [part.tool_call_id for part in asked if isinstance(part, ToolCallPart)]
    return [called[call_id] for call_id in ids if call_id in called]
