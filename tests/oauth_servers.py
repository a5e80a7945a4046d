"""An authorization server on loopback, of the SDK, and an MCP server that takes no request without one of its tokens."""

from __future__ import annotations

import json
from html import unescape
from itertools import count
from re import search
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    AuthorizeError,
    RefreshToken,
    TokenError,
    construct_redirect_uri,
)
from mcp.server.auth.routes import create_auth_routes, create_protected_resource_routes
from mcp.server.auth.settings import ClientRegistrationOptions
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.responses import Response

from tests.mcp_servers import Witness

FAR_S = 4_000_000_000
SCOPES = ["notes"]


class Provider:
    """Keeps what it gave out. ``access`` has the tokens that are good, with whom each was given to, which is ``subject``;
    ``refresh`` those that renew, each once; ``asked`` counts what was asked for."""

    def __init__(self) -> None:
        self.clients: dict[str, OAuthClientInformationFull] = {}
        self.codes: dict[str, AuthorizationCode] = {}
        self.access: dict[str, AccessToken] = {}
        self.refresh: dict[str, RefreshToken] = {}
        self.resources: list[str | None] = []
        self.renewed = 0
        self._numbers = count()
        self.subject = "nobody"
        self.denies = False
        self.gives_refresh = True
        self.lasts_s: int | None = 3_600

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self.clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        self.clients[client_info.client_id] = client_info

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        if self.denies:
            raise AuthorizeError("access_denied", "<b>no</b>")
        self.resources.append(params.resource)
        code = f"code-canary-{self.subject}-{len(self.codes)}"
        self.codes[code] = AuthorizationCode(
            code=code,
            scopes=params.scopes or [],
            expires_at=FAR_S,
            client_id=client.client_id,
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
            subject=self.subject,
        )
        return construct_redirect_uri(str(params.redirect_uri), code=code, state=params.state)

    async def load_authorization_code(self, client: Any, authorization_code: str) -> AuthorizationCode | None:
        return self.codes.get(authorization_code)

    async def exchange_authorization_code(self, client: Any, authorization_code: AuthorizationCode) -> OAuthToken:
        del self.codes[authorization_code.code]
        return self.given(client.client_id, str(authorization_code.subject))

    def given(self, client_id: str, subject: str) -> OAuthToken:
        number = next(self._numbers)
        token = AccessToken(
            token=f"access-canary-{subject}-{number}", client_id=client_id, scopes=SCOPES, subject=subject
        )
        self.access[token.token] = token
        refresh = None
        if self.gives_refresh:
            refresh = f"refresh-canary-{subject}-{number}"
            self.refresh[refresh] = RefreshToken(token=refresh, client_id=client_id, scopes=SCOPES, subject=subject)
        return OAuthToken(access_token=token.token, expires_in=self.lasts_s, refresh_token=refresh, scope="notes")

    async def load_refresh_token(self, client: Any, refresh_token: str) -> RefreshToken | None:
        return self.refresh.get(refresh_token)

    async def exchange_refresh_token(self, client: Any, refresh_token: RefreshToken, scopes: list[str]) -> OAuthToken:
        if self.refresh.pop(refresh_token.token, None) is None:
            raise TokenError("invalid_grant")
        self.renewed += 1
        return self.given(client.client_id, str(refresh_token.subject))

    async def load_access_token(self, token: str) -> AccessToken | None:
        return self.access.get(token)

    async def revoke_token(self, token: Any) -> None:
        raise AssertionError("nobody revokes")

    async def exchange_identity_assertion(self, client: Any, params: Any) -> OAuthToken:
        raise AssertionError("nobody asserts")


class Guarded:
    """Both servers, as one application. ``publishes`` changes what the authorization server says of itself, and ``answers`` are
    given in the place of its own, by their paths; ``asked`` are the requests for tokens."""

    def __init__(self, witness: Witness | None = None, **publishes: Any) -> None:
        self.witness = witness or Witness()
        self.provider = Provider()
        self.publishes = publishes
        self.answers: dict[str, Response] = {}
        self.paths: list[str] = []
        self.asked: list[bytes] = []
        self._routes: Starlette | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.witness(scope, receive, send)
            return
        heads = {name.decode(): value.decode() for name, value in scope["headers"]}
        origin, path = f"http://{heads['host']}", scope["path"]
        self.paths.append(path)

        async def kept() -> Any:
            message = await receive()
            if path == "/token":
                self.asked.append(message.get("body", b""))
            return message

        if path in self.answers:
            await self.answers[path](scope, receive, send)
        elif path == "/mcp" and heads.get("authorization", "").removeprefix("Bearer ") in self.provider.access:
            await self.witness(scope, receive, send)
        elif path == "/mcp":
            named = (
                f'Bearer error="invalid_token", resource_metadata="{origin}/.well-known/oauth-protected-resource/mcp"'
            )
            await Response(status_code=401, headers={"WWW-Authenticate": named})(scope, receive, send)
        elif path == "/.well-known/oauth-authorization-server" and self.publishes:
            await self._published(origin)(scope, receive, send)
        else:
            await self._made(origin)(scope, kept, send)

    def _published(self, origin: str) -> Response:
        metadata = {
            "issuer": f"{origin}/",
            "authorization_endpoint": f"{origin}/authorize",
            "token_endpoint": f"{origin}/token",
            "registration_endpoint": f"{origin}/register",
            "code_challenge_methods_supported": ["S256"],
            **self.publishes,
        }
        return Response(json.dumps(metadata), media_type="application/json")

    def _made(self, origin: str) -> Starlette:
        if self._routes is None:
            issuer: Any = AnyHttpUrl(origin)
            registers = ClientRegistrationOptions(enabled=True, valid_scopes=SCOPES, default_scopes=SCOPES)
            provider: Any = self.provider
            self._routes = Starlette(
                routes=[
                    *create_auth_routes(provider, issuer, client_registration_options=registers),
                    *create_protected_resource_routes(AnyHttpUrl(f"{origin}/mcp"), [issuer], SCOPES),
                ]
            )
        return self._routes


async def consent(url: str, provider: Provider, subject: str) -> dict[str, str]:
    """Agree in a browser, signed in there as ``subject``: what the authorization server sends the browser back with."""
    provider.subject = subject
    async with httpx.AsyncClient(trust_env=False) as browser:
        sent_back = await browser.get(url)
    assert sent_back.status_code == 302, sent_back.text
    return dict(parse_qsl(urlsplit(sent_back.headers["location"]).query))


def link_of(page: str) -> str:
    """The address of the one link of a page."""
    found = search(r'<a href="([^"]*)">', page)
    assert found is not None, page
    return unescape(found[1])
