"""OAuth with MCP servers: the owner begins it through the API, and finishes it in a browser, which knows of no sign-in here.

The browser brings the ``state`` that only the owner was given. It shows for whom tokens would be kept before they are: somebody
who was sent another user's address can see that it is not theirs.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core import mcp_points
from ...core.errors import FrameRefused, NetraError
from ...core.identity import Identity
from ...core.quoting import quoted_whole
from ...core.settings_values import is_loopback, origin_of
from ...services.audit_trail import AuditTrail, Event
from ...services.mcp_authorizations import STATE_CHARACTERS, McpAuthorizations, Waiting
from ..documents.authorization_page import POLICY, authorization_page
from ..http import request_query as query
from ..http.client_address import address_of
from ..http.endpoint import HTML, NO_STORE, Endpoint, Query, json_response
from ..http.problems import ProblemReporter

PATH: Final = "/api/mcp-authorization"
_CODE_CHARACTERS: Final = 4_096
_ISSUER_CHARACTERS: Final = 2_048
_ERROR_CHARACTERS: Final = 256


class McpAuthorization(msgspec.Struct, frozen=True):
    """``authorization_url`` is opened in a browser before ``expires_ms`` (ms since 1970 UTC)."""

    authorization_url: str
    expires_ms: int


def mcp_authorization_endpoints(
    *, authorizations: McpAuthorizations, audit_trail: AuditTrail, problems: ProblemReporter, public_url: str | None
) -> list[Endpoint]:
    """The endpoints of authorizations of MCP servers."""

    async def begin(request: Request, identity: Identity) -> Response:
        server_id = request.path_params["server_id"]
        url, expires_ms = await authorizations.begin(
            identity.user_id, server_id, lambda: (public_url or _own_address(request)) + PATH
        )
        audit_trail.happened(identity.user_id, "mcp_authorization_begun", address=address_of(request), server=server_id)
        return json_response(McpAuthorization(url, expires_ms))

    async def finish(request: Request) -> Response:
        try:
            return await _finished(request)
        except NetraError as error:
            if HTML not in request.headers.get("accept", ""):
                raise
            problem = problems.report(error, None, address_of(request))
            return _page(problem.status, "Not authorized", [problem.detail, problem.hint])

    async def _finished(request: Request) -> Response:
        audit_trail.require_writable()
        state = query.text(request, "state", STATE_CHARACTERS)
        code = query.text(request, "code", _CODE_CHARACTERS)
        issuer = request.query_params.get("iss")
        if not code:
            waiting = await authorizations.give_up(state)
            _happened("mcp_authorization_denied", waiting, request)
            told = quoted_whole(query.text(request, "error", _ERROR_CHARACTERS))
            words = [f"The MCP server {waiting.name} was not authorized. Its authorization server says: {told}"]
            return _page(200, "Not authorized", words)
        if query.text(request, "confirmed", 1) != "1":
            return _question(await authorizations.waiting(state), state, code, issuer)
        waiting = await authorizations.finish(state, code, None if issuer is None else issuer[:_ISSUER_CHARACTERS])
        _happened("mcp_server_authorized", waiting, request)
        words = [f"Agents of {waiting.owner} have the tools of the MCP server {waiting.name}.", "Close this page."]
        return _page(200, "Authorized", words)

    def _happened(event: Event, waiting: Waiting, request: Request) -> None:
        audit_trail.happened(waiting.owner, event, address=address_of(request), server=waiting.server_id)

    return [
        Endpoint(
            method="POST",
            path="/api/mcp-servers/{server_id}/authorization",
            name="authorizeMcpServer",
            about="Begin to authorize an MCP server that uses OAuth: open the address in a browser.",
            handler=begin,
            manages=True,
            answer=McpAuthorization,
            refusals=("not_found", "invalid_frame", "tool_fault"),
        ),
        Endpoint(
            method="GET",
            path=PATH,
            name="finishMcpAuthorization",
            about="Where an authorization server sends the browser back to. Answers a problem to those who take no HTML.",
            handler=finish,
            scope=None,
            media=HTML,
            query=(
                Query("state", str, "What the authorization was begun with."),
                Query("code", str, "What tokens are given for."),
                Query("iss", str, "The authorization server (RFC 9207)."),
                Query("error", str, "Why there is no code."),
                Query("confirmed", str, "1 if the user has seen for whom it is."),
            ),
            refusals=("invalid_frame", "not_found", "forbidden", "tool_fault", "dependency_unavailable"),
        ),
    ]


def _question(waiting: Waiting, state: str, code: str, issuer: str | None) -> Response:
    given = {"state": state, "code": code, "confirmed": "1", **({} if issuer is None else {"iss": issuer})}
    words = [
        f"Agents of the Netra user {waiting.owner} get the tools of the MCP server {waiting.name}, with your account there.",
        "Go on only if you are this user, and began this yourself. Otherwise close this page.",
    ]
    return _page(200, "Authorize an MCP server", words, (f"?{urlencode(given)}", "Authorize"))


def _page(status: int, title: str, words: list[str], link: tuple[str, str] | None = None) -> Response:
    headers = {**NO_STORE, "Content-Security-Policy": POLICY}
    return Response(authorization_page(title, words, link), status, headers, HTML)


def _own_address(request: Request) -> str:
    """This server as its user reaches it, if that is on this machine. Raises ``FrameRefused``."""
    origin = origin_of(f"http://{request.headers.get('host', '')}")
    if origin is None or not is_loopback(urlsplit(origin).hostname or ""):
        raise FrameRefused(
            "This server does not know its own address, to which the browser must come back.",
            field="Host",
            hint="The operator sets NETRA_PUBLIC_URL.",
            point=mcp_points.MCP_REDIRECT,
        )
    return origin
