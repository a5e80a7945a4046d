"""The validation points of outbound calls, and of the MCP servers that users add."""

from __future__ import annotations

from typing import Final

from .points import catalogued as _point

_SERVERS: Final = "services.mcp_servers"
_AUTHORIZATIONS: Final = "services.mcp_authorizations"

EGRESS_ADDRESS = _point(
    "egress.address",
    "adapters.outbound.destinations",
    "EgressRefused",
    "an outbound call reaches public addresses, and those that the operator names, alone",
)
MCP_OWNED = _point("mcp.owned", _SERVERS, "NotFound", "another's MCP server is answered like one that does not exist")
MCP_FORM = _point(
    "mcp.form", _SERVERS, "FrameRefused", "name, address and credential of an MCP server are of a form, and limited"
)
MCP_READY = _point(
    "mcp.ready", _SERVERS, "FrameRefused", "without a key and a client no address and no credential of a server is kept"
)
MCP_NAMED = _point("mcp.named", _SERVERS, "FrameRefused", "two MCP servers of a user have two names")
MCP_ROOM = _point("mcp.room", _SERVERS, "LimitRefused", "the MCP servers of a user are limited in number")
MCP_SESSION = _point(
    "mcp.session",
    "agents.mcp.run_sessions",
    "SSotIsolationError",
    "a run opens sessions with the MCP servers of its own user alone",
)
MCP_STATE = _point(
    "mcp.state",
    _AUTHORIZATIONS,
    "FrameRefused",
    "an authorization is finished once, in time, and for the user and server that it was begun for",
)
MCP_ISSUER = _point(
    "mcp.issuer", _AUTHORIZATIONS, "FrameRefused", "a code is shown to no authorization server but the one that gave it"
)
MCP_AUTHORIZING = _point(
    "mcp.authorizing", _AUTHORIZATIONS, "LimitRefused", "authorizations under way are limited, for a user and in all"
)
MCP_REDIRECT = _point(
    "mcp.redirect",
    "web.api.mcp_authorization",
    "FrameRefused",
    "a browser is sent back to the operator's address, or to this machine",
)
