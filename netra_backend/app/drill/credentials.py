"""The endpoints of what a user gives to agents and programs: secrets, API keys, MCP servers."""

from __future__ import annotations

import json
from typing import Final

from .judging import Attempt, Row, Stage, is_refusal, judged, opened


async def secret_deletion(stage: Stage) -> Row:
    """Delete another's secret: one of its own, if the server keeps secrets."""
    endpoint, path = "delete another user's secret", "/api/secrets/"
    mine, absent = stage.has.absent("secret"), stage.has.absent("secret")
    given = await stage.owner.line.http("PUT", path + mine, json.dumps({"value": stage.has.canary}).encode())
    foreign = await stage.intruder.line.http("DELETE", path + mine)
    nothing = await stage.intruder.line.http("DELETE", path + absent)
    row = judged(endpoint, foreign, nothing, mine, absent)
    if not is_refusal(given):
        opened(endpoint, await stage.owner.line.http("DELETE", path + mine))
    return row


async def api_key_deletion(stage: Stage) -> Row:
    """Delete another's API key: one of its own."""
    endpoint, path = "delete another user's API key", "/api/keys"
    wanted = {"name": stage.has.absent("key")[:64], "scopes": ["read"]}
    given = await stage.owner.line.http("POST", path, json.dumps(wanted).encode())
    opened(endpoint, given)
    mine, absent = json.loads(given.body)["id"], stage.has.absent("key")
    foreign = await stage.intruder.line.http("DELETE", f"{path}/{mine}")
    nothing = await stage.intruder.line.http("DELETE", f"{path}/{absent}")
    row = judged(endpoint, foreign, nothing, mine, absent)
    opened(endpoint, await stage.owner.line.http("DELETE", f"{path}/{mine}"))
    return row


async def mcp_server_deletion(stage: Stage) -> Row:
    """Delete another's MCP server."""
    return await _by_mcp_server("delete another user's MCP server", stage, "DELETE", "")


async def mcp_server_authorization(stage: Stage) -> Row:
    """Authorize another's MCP server."""
    return await _by_mcp_server("authorize another user's MCP server", stage, "POST", "/authorization")


async def _by_mcp_server(endpoint: str, stage: Stage, method: str, what: str) -> Row:
    """With an MCP server of its own, if the server keeps them."""
    path = "/api/mcp-servers"
    server = {"name": "drill", "url": "https://mcp.invalid/", "auth": {"bearer": stage.has.canary}}
    given = await stage.owner.line.http("POST", path, json.dumps(server).encode())
    absent = stage.has.absent("mcp")
    mine = stage.has.absent("mcp") if is_refusal(given) else json.loads(given.body)["id"]
    foreign = await stage.intruder.line.http(method, f"{path}/{mine}{what}")
    nothing = await stage.intruder.line.http(method, f"{path}/{absent}{what}")
    row = judged(endpoint, foreign, nothing, mine, absent)
    if not is_refusal(given):
        opened(endpoint, await stage.owner.line.http("DELETE", f"{path}/{mine}"))
    return row


ENDPOINTS: Final[tuple[Attempt, ...]] = (
    secret_deletion,
    api_key_deletion,
    mcp_server_deletion,
    mcp_server_authorization,
)
