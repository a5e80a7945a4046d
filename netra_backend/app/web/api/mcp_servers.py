"""``/api/mcp-servers``: the MCP servers whose tools a user gives to agents."""

from __future__ import annotations

from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core.identity import Identity
from ...core.limits import Limits
from ...mcp_ports import WantedAccess
from ...services.audit_trail import AuditTrail
from ...services.mcp_servers import McpServers
from ..http.client_address import address_of
from ..http.endpoint import Endpoint, json_response
from ..http.request_body import json_of
from .threads import Deleted


class McpAuth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A credential: ``bearer``, or a ``header`` and its ``value``; or ``type`` ``oauth``, with a ``client_id`` that the server's
    authorization server knows, if it registers none by itself, and a ``scope``, if it is to be another one than it asks for."""

    type: Literal["oauth"] | None = None
    bearer: str | None = None
    header: str | None = None
    value: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    scope: str | None = None


class NewMcpServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``name`` is what its tools' names begin with. Calls of a ``trusted`` server need no approval."""

    name: str
    url: str
    auth: McpAuth | None = None
    trusted: bool = False


class AddedMcpServer(msgspec.Struct, frozen=True):
    id: str


class ListedMcpServer(msgspec.Struct, frozen=True):
    """``origin`` is the address without path and query. ``auth`` is the header that the credential goes in, if there is one.
    ``name`` and ``origin`` are empty if the server cannot be read: its key is not set. ``authorized`` is ``null`` unless it uses
    OAuth."""

    id: str
    name: str
    origin: str
    auth: str | None
    trusted: bool
    updated_ms: int
    authorized: bool | None = None


class ListedMcpServers(msgspec.Struct, frozen=True):
    """In the order in which they were added, without credentials."""

    mcp_servers: list[ListedMcpServer]


def mcp_server_endpoints(*, servers: McpServers, audit_trail: AuditTrail, limits: Limits) -> list[Endpoint]:
    """The endpoints of MCP servers."""

    async def add(request: Request, identity: Identity) -> Response:
        given = await json_of(request, NewMcpServer, limits)
        header, credential = _credential(given.auth)
        wanted = _wanted(given.auth)
        server_id = await servers.add(
            identity.user_id, given.name, given.url, header, credential, given.trusted, wanted
        )
        audit_trail.happened(identity.user_id, "mcp_server_added", address=address_of(request), name=given.name)
        return json_response(AddedMcpServer(server_id), 201)

    async def listed(_: Request, identity: Identity) -> Response:
        found = await servers.listed(identity.user_id)
        return json_response(
            ListedMcpServers(
                [
                    ListedMcpServer(
                        each.server_id,
                        each.name,
                        each.origin,
                        each.header or None,
                        each.trusted,
                        each.updated_ms,
                        each.authorized,
                    )
                    for each in found
                ]
            )
        )

    async def delete(request: Request, identity: Identity) -> Response:
        server_id = request.path_params["server_id"]
        await servers.delete(identity.user_id, server_id)
        audit_trail.happened(identity.user_id, "mcp_server_deleted", address=address_of(request), server=server_id)
        return json_response(Deleted(server_id))

    return [
        Endpoint(
            method="GET",
            path="/api/mcp-servers",
            name="listMcpServers",
            about="Your MCP servers, without their credentials.",
            handler=listed,
            answer=ListedMcpServers,
        ),
        Endpoint(
            method="POST",
            path="/api/mcp-servers",
            name="addMcpServer",
            about="Give agents the tools of an MCP server. Its credential cannot be read back.",
            handler=add,
            manages=True,
            body=NewMcpServer,
            answer=AddedMcpServer,
            status=201,
            refusals=("invalid_frame", "conflict", "payload_too_large"),
        ),
        Endpoint(
            method="DELETE",
            path="/api/mcp-servers/{server_id}",
            name="deleteMcpServer",
            about="Delete an MCP server and its credential.",
            handler=delete,
            manages=True,
            answer=Deleted,
            refusals=("not_found",),
        ),
    ]


def _credential(auth: McpAuth | None) -> tuple[str, str]:
    """The header and what goes in it. An ``auth`` that is several, or none, gives what no server is kept with."""
    if auth is None:
        return "", ""
    given = {name for name in auth.__struct_fields__ if getattr(auth, name) is not None}
    if given == {"bearer"}:
        return "Authorization", f"Bearer {auth.bearer}"
    if given == {"header", "value"}:
        return auth.header or "", auth.value or ""
    return "", "neither"


def _wanted(auth: McpAuth | None) -> WantedAccess | None:
    """What is wanted by OAuth, if nothing else is given."""
    if auth is None or auth.type is None or (auth.bearer, auth.header, auth.value) != (None, None, None):
        return None
    return WantedAccess(auth.client_id or "", auth.client_secret or "", auth.scope or "")
