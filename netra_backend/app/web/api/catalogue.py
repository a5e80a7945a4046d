"""``/api/agents`` and ``/api/tools``: what can be asked, and what answers with."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...agents.supervisor.agent_registry import AgentRegistry
from ...agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from ...core.identity import Identity
from ...core.limits import Limits
from ...core.plans import Plans, of_agents
from ..http.endpoint import Endpoint, json_response


class AgentInfo(msgspec.Struct, frozen=True):
    name: str
    description: str
    tools: list[str]


class Agents(msgspec.Struct, frozen=True):
    """``default`` is the agent that is asked if a request names none; ``null`` if your plan has several, and not that one."""

    agents: list[AgentInfo]
    default: str | None = None


class ToolInfo(msgspec.Struct, frozen=True):
    """``permission`` is the scope that it needs; ``arguments`` its JSON schema; ``approval``: it waits for your word."""

    name: str
    description: str
    permission: str
    idempotent: bool
    approval: bool
    arguments: dict[str, Any]


class Tools(msgspec.Struct, frozen=True):
    tools: list[ToolInfo]


def catalogue_endpoints(
    registry: AgentRegistry, dispatchers: UnifiedToolDispatcherFactory, plans: Plans | None, limits: Limits
) -> list[Endpoint]:
    """The endpoints of what there is for a user."""

    async def agents(_: Request, identity: Identity) -> Response:
        plan = of_agents(None if plans is None else plans.of(identity.plan), identity.agents, limits)
        listed = [AgentInfo(**agent) for agent in registry.describe(plan)]
        return json_response(Agents(listed, registry.default_of(plan)))

    async def tools(_: Request, identity: Identity) -> Response:
        plan = None if plans is None else plans.of(identity.plan)
        return json_response(Tools([ToolInfo(**tool) for tool in dispatchers.describe(plan)]))

    return [
        Endpoint(
            method="GET",
            path="/api/agents",
            name="listAgents",
            about="The agents that you can ask.",
            handler=agents,
            answer=Agents,
        ),
        Endpoint(
            method="GET",
            path="/api/tools",
            name="listTools",
            about="The tools that agents use, with their arguments.",
            handler=tools,
            answer=Tools,
        ),
    ]
