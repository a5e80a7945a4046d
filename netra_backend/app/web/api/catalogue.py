"""``/api/agents`` and ``/api/tools``: what can be asked, and what answers with."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core.identity import Identity
from ...server.runtime import Runtime
from ..http.endpoint import Endpoint
from ..http.support import json_response


class AgentTold(msgspec.Struct, frozen=True):
    name: str
    description: str
    tools: list[str]


class Agents(msgspec.Struct, frozen=True):
    agents: list[AgentTold]


class ToolTold(msgspec.Struct, frozen=True):
    """``permission`` is the scope that it needs; ``arguments`` its JSON schema; ``approval``: it waits for your word."""

    name: str
    description: str
    permission: str
    idempotent: bool
    approval: bool
    arguments: dict[str, Any]


class Tools(msgspec.Struct, frozen=True):
    tools: list[ToolTold]


def catalogue_endpoints(runtime: Runtime) -> list[Endpoint]:
    """The doors of what there is."""

    async def agents(_: Request, __: Identity) -> Response:
        return json_response(Agents([AgentTold(**agent) for agent in runtime.registry.describe()]))

    async def tools(_: Request, __: Identity) -> Response:
        return json_response(Tools([ToolTold(**tool) for tool in runtime.dispatchers.describe()]))

    return [
        Endpoint(
            method="GET",
            path="/api/agents",
            name="listAgents",
            about="The agents that can be asked.",
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
