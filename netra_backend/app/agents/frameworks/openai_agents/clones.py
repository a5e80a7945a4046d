"""Copies of an agent and of those that it hands over to, for one run: each asks the line that it was made for.

The author's agents are not changed. A copy is made when it is needed, so agents may hand over to each other in circles.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from agents import Agent, FunctionTool, Handoff, Model, RunContextWrapper, handoff
from agents.tool import Tool

from ....core.errors import ExtensionError
from . import contexts, guardrails, hosted, mcp_servers
from .lines import Line
from .models import recorded as recorded_model
from .tools import recorded as recorded_tool
from .user_mcp import function_of


def cloned(agent: Agent[Any], line: Line) -> Agent[Any]:
    """A copy of the agent that asks this line. Raises ``ExtensionError`` for one that cannot be served."""
    check(agent)
    clone = copy.copy(agent)
    clone.tools = [recorded_function(tool, line) for tool in agent.tools]
    handoffs = [_handoff(each, line) for each in agent.handoffs]
    clone.handoffs = [*handoffs]
    clone.input_guardrails = [guardrails.recorded(each, line) for each in agent.input_guardrails]
    clone.output_guardrails = [guardrails.recorded(each, line) for each in agent.output_guardrails]
    clone.instructions = guardrails.recorded_instructions(agent, line)
    clone.prompt = guardrails.recorded_prompt(agent, line)
    if agent.mcp_servers or line.user_tools:
        clone.mcp_servers = [line.served.sessions.of(server, agent, line) for server in agent.mcp_servers]
        of_user = [function_of(tool, line) for tool in line.user_tools.values()]

        async def tools_of_servers(context: RunContextWrapper[Any]) -> list[Tool]:
            of_agent = [recorded_function(tool, line) for tool in await type(clone).get_mcp_tools(clone, context)]
            taken = {tool.name for tool in (*of_agent, *clone.tools)} | {each.tool_name for each in handoffs}
            return [*of_agent, *(tool for tool in of_user if tool.name not in taken)]

        vars(clone)["get_mcp_tools"] = tools_of_servers
    if isinstance(agent.model, Model):
        clone.model = recorded_model(agent.model, line)
    return clone


def recorded_function(tool: Tool, line: Line) -> Tool:
    """The tool, recorded if it is a function of the author's."""
    return recorded_tool(tool, line) if isinstance(tool, FunctionTool) else tool


def _handoff(given: Agent[Any] | Handoff[Any, Any], line: Line) -> Handoff[Any, Any]:
    original = given if isinstance(given, Handoff) else handoff(given)
    copied = copy.copy(original)
    copied._agent_ref = None  # the copy of the agent, which is made when it takes over

    async def invoke(context: RunContextWrapper[Any], input: str) -> Agent[Any]:
        target = original._agent_ref() if original._agent_ref is not None and original is given else None
        if isinstance(target, Agent):  # what the author does at a handoff is done once, as far as can be
            await _handed_over(original, context, input, line)
            agent: Agent[Any] = target
        else:
            agent = await original.on_invoke_handoff(context, input)
        line.hand_off(agent.name)
        return line.agent(agent)

    copied.on_invoke_handoff = invoke
    return copied


async def _handed_over(given: Handoff[Any, Any], context: RunContextWrapper[Any], input: str, line: Line) -> None:
    is_called = False

    async def body() -> dict[str, Any]:
        nonlocal is_called
        is_called = True
        before = contexts.snapshot(context.context)
        await given.on_invoke_handoff(context, input)
        return contexts.changes(before, context.context)

    changed = await guardrails.step(line, f"handoff to {given.agent_name}", body)
    if not is_called:
        contexts.restore(context.context, changed)


def check(agent: Agent[Any]) -> None:
    """Raises ``ExtensionError`` for an agent that cannot be served."""
    if not isinstance(agent, Agent):
        raise ExtensionError([f"{type(agent).__name__} is no Agent of the OpenAI Agents SDK."])
    if any(each.__module__.startswith("agents.sandbox") for each in type(agent).__mro__):
        raise ExtensionError(
            [f"The agent {agent.name!r} works in a sandbox, and what it does there cannot be recorded."]
        )
    for tool in agent.tools:
        hosted.check(agent.name, tool)
    for server in agent.mcp_servers:
        mcp_servers.check(agent.name, server)


def reachable(agent: Agent[Any]) -> Iterator[Agent[Any]]:
    """The agent and all that are known to be reached from it: by handoffs, and as tools."""
    known: set[int] = set()
    waiting: list[Any] = [agent]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, Agent) or id(one) in known:
            continue
        known.add(id(one))
        yield one
        waiting.extend(
            each._agent_ref() if isinstance(each, Handoff) and each._agent_ref else each for each in one.handoffs
        )
        waiting.extend(tool._agent_instance for tool in one.tools if isinstance(tool, FunctionTool))
