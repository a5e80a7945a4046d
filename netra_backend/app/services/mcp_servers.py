"""MCP servers that users add for their agents: address and credential are sealed, and each is found by its owner alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from ..core import mcp_points
from ..core.egress import is_web_address
from ..core.errors import FrameRefused, LimitRefused, NotFound
from ..core.limits import Limits
from ..mcp_ports import McpServer, WantedAccess
from ..secret_ports import SecretCipher, SecretStore
from .mcp_records import McpRecord, McpRecords, OAuthRecord, sealed_record, server_of
from .secrets import reseal

_is_name: Final = re.compile(r"[a-z][a-z0-9_-]{0,23}").fullmatch
_is_header: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}").fullmatch
_is_text: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?").fullmatch
_is_id: Final = re.compile(r"[A-Za-z0-9_]{1,64}").fullmatch
_BEARER_HEADER: Final = "Authorization"
_OURS: Final = frozenset(
    {
        "accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "cookie", "expect",
        "host", "keep-alive", "last-event-id", "origin", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
"""Headers that the client itself sends, or none does."""


class ListedServer(NamedTuple):
    """What its owner is shown. ``origin`` is the address without its path and query, which may hold a key; ``name`` and
    ``origin`` are empty if no key of this server's opens it."""

    server_id: str
    name: str
    origin: str
    header: str
    trusted: bool
    updated_ms: int
    authorized: bool | None = None
    """``None`` unless it uses OAuth: whether there are tokens for it."""


class McpServers:
    """The MCP servers of all users. Without a ``cipher`` (no ``NETRA_SECRETS_KEY``), or if there ``is_client`` none (the extra
    ``mcp``), none is kept; ``missing`` says how to mend that."""

    def __init__(
        self,
        store: SecretStore,
        cipher: SecretCipher | None,
        limits: Limits,
        mint: Callable[[str], str],
        *,
        missing: str = "",
    ) -> None:
        self._store = store
        self._records = McpRecords(store, cipher)
        self._cipher = cipher
        self._limits = limits
        self._mint = mint
        self._missing = missing

    async def add(
        self,
        owner: str,
        name: str,
        url: str,
        header: str,
        credential: str,
        trusted: bool,
        wanted: WantedAccess | None = None,
    ) -> str:
        """Keep a server, and return its id. ``credential`` is sent in ``header`` with every request to it; both are empty if it
        needs none, or if it uses OAuth, as ``wanted`` says. Raises ``FrameRefused`` for what cannot be a server, for a name that
        the owner has given to another one already, or if none can be kept; ``LimitRefused`` if the owner has too many; and
        ``DependencyUnavailable``."""
        fits = _is_name(name) is not None and "__" not in name and name[-1] not in "-_"
        check_form(
            fits,
            "name",
            "A name has 1 to 24 small letters, digits, - and _, a letter first, no __, and no - or _ last.",
        )
        check_form(is_web_address(url), "url", "A server has an https:// address, without a user name and a fragment.")
        if wanted is not None:
            fits = all(not each or _is_text(each) for each in (wanted.client_id, wanted.client_secret, wanted.scope))
            fits = fits and bool(wanted.client_id or not wanted.client_secret)
            check_form(fits, "auth", "OAuth has a client_id, a client_secret with one, and a scope: printable ASCII.")
            header = _BEARER_HEADER
        elif header or credential:
            own = header.lower() in _OURS or header.lower().startswith("mcp-")
            fits = _is_header(header) is not None and not own and _is_text(credential) is not None
            check_form(
                fits, "auth", "A credential is a bearer, or a header that may be sent and its value: printable ASCII."
            )
        cipher = self._required()
        listed = await self.listed(owner)
        if any(each.name == name for each in listed):
            raise FrameRefused(
                f"You have a server named {name} already.",
                kind="conflict",
                field="name",
                hint="Choose another name, or delete that one first.",
                point=mcp_points.MCP_NAMED,
            )
        server_id = self._mint("mcp")
        oauth = None if wanted is None else OAuthRecord(wanted)
        sealed = sealed_record(cipher, owner, server_id, McpRecord(name, url, header, credential, trusted, oauth))
        if not await self._store.put(owner, server_id, sealed, self._limits.mcp_servers):
            raise LimitRefused(
                f"You have {self._limits.mcp_servers} MCP servers, and no room for another.",
                kind="payload_too_large",
                hint="Delete one, or ask the operator to raise NETRA_LIMIT_MCP_SERVERS.",
                point=mcp_points.MCP_ROOM,
            )
        return server_id

    async def listed(self, owner: str) -> list[ListedServer]:
        """The owner's servers, without what is secret, in the order in which they were added."""
        listed = []
        for server_id, updated_ms in await self._store.names(owner):
            record = await self._records.find(owner, server_id)
            if record is None:
                listed.append(ListedServer(server_id, "", "", "", False, updated_ms))
                continue
            parts = urlsplit(record.url)
            origin = f"{parts.scheme}://{parts.netloc}"
            shown = (record.name, origin, record.header, record.trusted)
            authorized = None if record.oauth is None else record.oauth.tokens is not None
            listed.append(ListedServer(server_id, *shown, updated_ms, authorized))
        return listed

    async def of(self, owner: str) -> list[McpServer]:
        """The owner's servers that can be asked, in the order in which they were added: of two that have one name, the first."""
        found: dict[str, McpServer] = {}
        for server_id, _ in await self._store.names(owner):
            server = await self.find(owner, server_id)
            if server is not None:
                found.setdefault(server.name, server)
        return list(found.values())

    async def find(self, owner: str, server_id: str) -> McpServer | None:
        """The owner's server of that id, if there is one and a key of this server's opens it."""
        record = await self._records.find(owner, server_id)
        return None if record is None else server_of(owner, server_id, record)

    async def delete(self, owner: str, server_id: str) -> None:
        """Delete one. Raises ``NotFound`` if the owner has none of that id."""
        require_owned(_is_id(server_id) is not None and await self._store.remove(owner, server_id))

    async def reseal(self) -> int:
        """As ``services.secrets.reseal``."""
        return await reseal(self._store, self._cipher)

    def _required(self) -> SecretCipher:
        if self._cipher is None or self._missing:
            raise FrameRefused(
                "This server keeps no MCP servers.",
                kind="conflict",
                hint=self._missing
                or "The operator sets NETRA_SECRETS_KEY, for example to the output of `openssl rand -hex 32`.",
                point=mcp_points.MCP_READY,
            )
        return self._cipher


def require_owned(found: bool) -> None:
    """Raises ``NotFound`` unless the owner has the server that was asked for."""
    if not found:
        raise NotFound("There is no such MCP server.", field="server_id", point=mcp_points.MCP_OWNED)


def check_form(fits: bool, field: str, message: str) -> None:
    """Raises ``FrameRefused`` for a field of a request that does not fit."""
    if not fits:
        raise FrameRefused(message, field=field, point=mcp_points.MCP_FORM)
