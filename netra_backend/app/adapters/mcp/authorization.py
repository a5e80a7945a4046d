"""OAuth 2.1 with the authorization server that an MCP server names, in the pieces that the SDK has for it.

The SDK's own flow waits in memory for the browser. Here its steps are called one by one: discovery (RFC 9728, RFC 8414),
registration (RFC 7591), PKCE (RFC 7636), and requests for tokens of this one resource (RFC 8707). Of what those servers say,
nothing is shown but a short, quoted error code.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, cast
from urllib.parse import urlencode, urlsplit

import httpx2
from mcp.client.auth import OAuthFlowError, OAuthRegistrationError, OAuthTokenError, PKCEParameters, TokenStorage
from mcp.client.auth import utils as steps
from mcp.client.auth.oauth2 import OAuthContext, check_registration_usable
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthMetadata, ProtectedResourceMetadata
from mcp.shared.auth_utils import check_resource_allowed, resource_url_from_server_url
from pydantic import AnyUrl

from ...core.egress import is_web_address
from ...core.errors import DependencyUnavailable, ToolError
from ...core.limits import Limits
from ...core.quoting import quoted_whole
from ...core.settings_values import is_loopback
from ...mcp_ports import BegunAuthorization, Grant, McpServer, OAuthClient, Tokens, WantedAccess
from ..outbound.destinations import Destinations
from .authorization_http import AuthorizationHttp

_REFUSED: Final = "MCP_NOT_AUTHORIZED"
_UNREACHABLE: Final = "MCP_UNREACHABLE"
_CLIENT_NAME: Final = "Netra"
_GRANT_TYPES: Final = ["authorization_code", "refresh_token"]
_METHODS: Final = ("none", "client_secret_basic", "client_secret_post")
"""How a client authenticates at the token endpoint, the best method first: no secret is needed beside PKCE."""
_TEXT_CHARACTERS: Final = 8_192
_LONGEST_S: Final = 10 * 366 * 86_400
_TRANSIENT: Final = frozenset({408, 425, 429})
_PING: Final = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()


class SdkAuthorization:
    """``mcp_ports.AuthorizationClient`` for one server."""

    def __init__(self, server: McpServer, destinations: Destinations, limits: Limits) -> None:
        self._server = server
        self._http = AuthorizationHttp(server.owner, destinations, limits)
        self._within_s = limits.mcp_open_s

    async def begin(self, wanted: WantedAccess, redirect_uri: str, state: str) -> BegunAuthorization:
        async with self._bounded():
            challenge = await self._challenge()
            resource_metadata = await self._resource_metadata(challenge)
            metadata = await self._server_metadata(resource_metadata)
            resource = resource_url_from_server_url(self._server.url)
            if resource_metadata is not None:  # its resource is the server, or what the server is a part of
                resource = str(resource_metadata.resource)
            scope = wanted.scope or self._scope(challenge, resource_metadata, metadata)
            client = self._own_client(wanted, metadata) or await self._registered(metadata, redirect_uri, scope)
        proof = PKCEParameters.generate()
        asked = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": redirect_uri,
            "state": state,
            "code_challenge": proof.code_challenge,
            "code_challenge_method": "S256",
            "resource": resource,
        }
        if scope:
            asked["scope"] = scope
        if "offline_access" in scope.split():
            asked["prompt"] = "consent"  # OpenID Connect gives it after consent alone
        address = str(metadata.authorization_endpoint)
        url = f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(asked)}"
        grant = Grant(str(metadata.issuer), str(metadata.token_endpoint), resource, client)
        needs_issuer = metadata.authorization_response_iss_parameter_supported is True
        return BegunAuthorization(url, proof.code_verifier, grant, needs_issuer)

    async def redeem(self, grant: Grant, code: str, verifier: str, redirect_uri: str) -> Tokens:
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        return await self._tokens(grant, asked)

    async def renew(self, grant: Grant, refresh: str) -> Tokens:
        return await self._tokens(grant, {"grant_type": "refresh_token", "refresh_token": refresh})

    # --- who may be asked -------------------------------------------------------------------------------------------

    async def _challenge(self) -> httpx2.Response:
        """What the server answers to a request without a token."""
        headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        return await self._http.send("POST", self._server.url, headers, _PING, wants_body=False)

    async def _resource_metadata(self, challenge: httpx2.Response) -> ProtectedResourceMetadata | None:
        """What the server publishes of itself (RFC 9728); ``None`` if it does not."""
        named = steps.extract_resource_metadata_from_www_auth(challenge) if challenge.status_code == 401 else None
        failed = False
        for url in steps.build_protected_resource_metadata_discovery_urls(named, self._server.url):
            answer = await self._get(url)
            metadata = await steps.handle_protected_resource_response(answer)
            if metadata is not None:
                own = resource_url_from_server_url(self._server.url)
                if not check_resource_allowed(own, str(metadata.resource)):
                    raise self._refused("It names another resource than itself.")
                return metadata
            failed = failed or answer.status_code >= 500 or answer.status_code == 429
        if failed:
            raise self._unreachable("It does not say who its authorization server is.")
        return None

    async def _server_metadata(self, resource: ProtectedResourceMetadata | None) -> OAuthMetadata:
        """What the authorization server publishes of itself (RFC 8414, OpenID Connect Discovery), once it holds."""
        issuer = None if resource is None else str(resource.authorization_servers[0])
        metadata: OAuthMetadata | None = None
        for url in steps.build_oauth_authorization_server_metadata_discovery_urls(issuer, self._server.url):
            goes_on, metadata = await steps.handle_auth_metadata_response(await self._get(url))
            if metadata is not None or not goes_on:
                break
        if metadata is None:
            raise self._refused("No authorization server is published for it.")
        named, parts = str(metadata.issuer), urlsplit(self._server.url)
        if named != issuer and (
            issuer is not None or not steps.issuers_match(named, f"{parts.scheme}://{parts.netloc}")
        ):
            raise self._refused("Its authorization server says that it is another one.")
        if "S256" not in (metadata.code_challenge_methods_supported or ()):
            raise self._refused("Its authorization server does not support PKCE with S256.")
        addresses = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.registration_endpoint)
        if not all(each is None or is_web_address(str(each)) for each in addresses):
            raise self._refused("Its authorization server has addresses that cannot be asked.")
        in_clear = metadata.authorization_endpoint.scheme == "http"
        if in_clear and parts.scheme == "https":
            raise self._refused("Its authorization server would be opened without encryption.")
        return metadata

    async def _get(self, url: str) -> httpx2.Response:
        if not is_web_address(url):
            return httpx2.Response(404)
        return await self._sent(steps.create_oauth_metadata_request(url))

    async def _sent(self, request: httpx2.Request) -> httpx2.Response:
        return await self._http.send(request.method, str(request.url), request.headers, await request.aread())

    @staticmethod
    def _scope(challenge: httpx2.Response, resource: ProtectedResourceMetadata | None, metadata: OAuthMetadata) -> str:
        challenged = steps.extract_scope_from_www_auth(challenge) if challenge.status_code == 401 else None
        scope = steps.get_client_metadata_scopes(challenged, resource, metadata, _GRANT_TYPES) or ""
        return scope if _is_text(scope) else ""

    # --- who asks ---------------------------------------------------------------------------------------------------

    @staticmethod
    def _own_client(wanted: WantedAccess, metadata: OAuthMetadata) -> OAuthClient | None:
        """The client that the user brought along, if there is one."""
        if not wanted.client_id:
            return None
        if not wanted.client_secret:
            return OAuthClient(wanted.client_id)
        known = metadata.token_endpoint_auth_methods_supported or ["client_secret_basic"]
        method = "client_secret_basic" if "client_secret_basic" in known else "client_secret_post"
        return OAuthClient(wanted.client_id, wanted.client_secret, method)

    async def _registered(self, metadata: OAuthMetadata, redirect_uri: str, scope: str) -> OAuthClient:
        if metadata.registration_endpoint is None:
            raise self._refused("Its authorization server registers no clients: add it with a client_id.")
        known = metadata.token_endpoint_auth_methods_supported or []
        method = next((each for each in _METHODS if each in known), None)
        host = urlsplit(redirect_uri).hostname or ""
        wanted = OAuthClientMetadata.model_validate(
            {
                "redirect_uris": [AnyUrl(redirect_uri)],
                "token_endpoint_auth_method": method,
                "grant_types": _GRANT_TYPES,
                "client_name": _CLIENT_NAME,
                "scope": scope or None,
                "application_type": "native" if is_loopback(host) else "web",
            }
        )
        answer = await self._sent(steps.create_client_registration_request(metadata, wanted, ""))
        try:
            given = await steps.handle_registration_response(answer)
            check_registration_usable(given)
        except OAuthRegistrationError as fault:
            raise self._refused("Its authorization server did not register Netra: add it with a client_id.") from fault
        secret = given.client_secret or ""
        how = given.token_endpoint_auth_method or ("client_secret_basic" if secret else "none")
        if not _is_text(given.client_id) or (secret and not _is_text(secret)):
            raise self._refused("Its authorization server registered Netra as what cannot be sent.")
        return OAuthClient(given.client_id, secret, how)

    # --- tokens -----------------------------------------------------------------------------------------------------

    async def _tokens(self, grant: Grant, asked: dict[str, str]) -> Tokens:
        data = {**asked, "client_id": grant.client.client_id, "resource": grant.resource}
        try:
            data, headers = self._as_client(grant.client).prepare_token_auth(data, {})
        except OAuthTokenError as fault:
            raise self._refused("Its authorization server asks for a client of another kind.") from fault
        async with self._bounded():
            answer = await self._sent(httpx2.Request("POST", grant.token_endpoint, data=data, headers=headers))
        if answer.status_code not in (200, 201):
            if 400 <= answer.status_code < 500 and answer.status_code not in _TRANSIENT:
                raise self._refused(f"Its authorization server gave no token{_error_of(answer)}.")
            raise self._unreachable(f"Its authorization server gave no token (status {answer.status_code}).")
        try:
            given = await steps.handle_token_response_scopes(answer)
        except OAuthTokenError as fault:
            raise self._unreachable("Its authorization server answered with what is no token.") from fault
        refresh, lasts_s = given.refresh_token or "", given.expires_in
        if not _is_text(given.access_token) or (refresh and not _is_text(refresh)):
            raise self._unreachable("Its authorization server gave a token that cannot be sent.")
        return Tokens(given.access_token, refresh, None if lasts_s is None else max(1, min(lasts_s, _LONGEST_S)))

    def _as_client(self, client: OAuthClient) -> OAuthContext:
        context = OAuthContext(
            server_url=self._server.url,
            client_metadata=OAuthClientMetadata(redirect_uris=None),
            storage=cast(TokenStorage, None),  # nothing is stored by it
            redirect_handler=None,
            callback_handler=None,
        )
        context.client_info = OAuthClientInformationFull(
            client_id=client.client_id,
            client_secret=client.secret or None,
            token_endpoint_auth_method=client.method,
        )
        return context

    # --- faults -----------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._within_s):
                yield
        except TimeoutError:
            raise self._unreachable(f"There was no answer within {self._within_s:g} s.") from None
        except DependencyUnavailable as fault:
            raise self._unreachable(fault.message) from fault
        except (OAuthFlowError, httpx2.InvalidURL, ValueError, RecursionError) as fault:
            raise self._unreachable("Its authorization server answered with what is no answer.") from fault

    def _refused(self, why: str) -> ToolError:
        return ToolError(
            _REFUSED,
            f"The MCP server {self._server.name} cannot be authorized: {why}",
            hint="Ask who runs the MCP server, or begin the authorization again.",
        )

    def _unreachable(self, why: str) -> ToolError:
        return ToolError(
            _UNREACHABLE,
            f"The MCP server {self._server.name} cannot be authorized now: {why}",
            hint="Try again later.",
        )


def _is_text(text: str) -> bool:
    return 0 < len(text) <= _TEXT_CHARACTERS and text.isascii() and text.isprintable()


def _error_of(answer: httpx2.Response) -> str:
    """The error code of a refusal (RFC 6749, 5.2), quoted; nothing if there is none."""
    try:
        told: Any = json.loads(answer.content)
    except (ValueError, RecursionError):
        return ""
    code = told.get("error") if isinstance(told, dict) else None
    return f": {quoted_whole(code)}" if isinstance(code, str) else ""
