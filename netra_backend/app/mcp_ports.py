"""What the MCP servers of users ask of the outside. Their store is one of sealed values (``secret_ports.SecretStore``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec


class McpServer(NamedTuple):
    """A server that its ``owner`` added. ``header`` and ``credential`` go with every request to it, if there is a ``header``;
    calls of a ``trusted`` one need no approval. If it ``uses_oauth``, its credential is a token that changes."""

    owner: str
    server_id: str
    name: str
    url: str
    header: str = ""
    credential: str = ""
    trusted: bool = False
    uses_oauth: bool = False


Credential = Callable[[Sequence[str]], Awaitable[str]]
"""What goes in the server's header now, given what the server has refused of this request; a value of these if there is no
other. Raises ``ToolError``, ``EgressRefused``, ``DependencyUnavailable``."""


class RemoteTool(NamedTuple):
    """A tool as its server describes it: ``name``, ``description`` and ``schema`` are hostile."""

    name: str
    description: str
    schema: Mapping[str, Any]


class McpSession(Protocol):
    """One session with one server, of one run."""

    async def tools(self, most: int) -> list[RemoteTool]:
        """The server's tools: the first ``most``. Raises ``ToolError``, ``EgressRefused``."""

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        """Call a tool, once; what it returned, as JSON. Raises ``ToolError``, ``EgressRefused``."""

    async def close(self) -> None:
        """End it, within a bounded time."""


class McpClient(Protocol):
    """Opens sessions. Keeps nothing of one for another."""

    async def open(self, server: McpServer, credential: Credential) -> McpSession:
        """A new session with this server. Raises ``ToolError``, ``EgressRefused``."""

    def closing(self, session: McpSession) -> None:
        """Close the session in the background."""

    async def close(self) -> None:
        """Wait until no session is open."""


class OAuthClient(msgspec.Struct, frozen=True):
    """As whom an authorization server knows Netra. ``method`` is how it authenticates at the token endpoint (RFC 7591)."""

    client_id: str
    secret: str = ""
    method: str = "none"


class Grant(msgspec.Struct, frozen=True):
    """Who is asked for tokens, as which client, and for which resource."""

    issuer: str
    token_endpoint: str
    resource: str
    client: OAuthClient


class Tokens(msgspec.Struct, frozen=True):
    """``expires_in_s`` is ``None`` if the authorization server does not say; ``refresh`` is empty if there is none."""

    access: str
    refresh: str = ""
    expires_in_s: int | None = None


class WantedAccess(msgspec.Struct, frozen=True):
    """What a user said of a server that uses OAuth: a client that is known there, if the server registers none, and a scope."""

    client_id: str = ""
    client_secret: str = ""
    scope: str = ""


class BegunAuthorization(NamedTuple):
    """``url`` is for the user's browser. ``verifier`` proves later that the code is ours (PKCE); ``needs_issuer``: whether the
    authorization server said that it names itself in its answer (RFC 9207)."""

    url: str
    verifier: str
    grant: Grant
    needs_issuer: bool


class AuthorizationClient(Protocol):
    """Speaks to the authorization servers that MCP servers name. All calls raise ``ToolError``: ``MCP_NOT_AUTHORIZED`` if the
    answer is no, ``MCP_UNREACHABLE`` if there is none that counts; and ``EgressRefused``."""

    async def begin(self, server: McpServer, wanted: WantedAccess, redirect_uri: str, state: str) -> BegunAuthorization:
        """Find the server's authorization server, and be known there."""

    async def redeem(self, server: McpServer, grant: Grant, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """The tokens for an authorization code."""

    async def renew(self, server: McpServer, grant: Grant, refresh: str) -> Tokens:
        """New tokens for a refresh token, which stays good if the answer has no other."""
