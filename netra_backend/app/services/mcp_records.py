"""What is kept of a user's MCP server, sealed as a whole: with its tokens, and an authorization that waits."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ..mcp_ports import Grant, McpServer, WantedAccess
from ..secret_ports import SealedSecret, SecretCipher, SecretStore


class PendingAuthorization(msgspec.Struct, frozen=True):
    """An authorization that its user has begun in a browser, and not finished. ``secret`` is what the browser brings back."""

    secret: str
    verifier: str
    redirect_uri: str
    expires_ms: int
    grant: Grant
    needs_issuer: bool


class KeptTokens(msgspec.Struct, frozen=True):
    """Tokens with what renews them. ``renew_ms`` and ``expires_ms`` are 0 if their end is not known (ms since 1970 UTC)."""

    access: str
    grant: Grant
    refresh: str = ""
    renew_ms: int = 0
    expires_ms: int = 0


class OAuthRecord(msgspec.Struct, frozen=True):
    """Of a server that uses OAuth. ``issuer`` is the authorization server that the user's own client was shown to first.
    ``renewing_ms`` is until when one process renews the tokens, while the others wait (ms since 1970 UTC)."""

    wanted: WantedAccess
    issuer: str = ""
    pending: PendingAuthorization | None = None
    tokens: KeptTokens | None = None
    renewing_ms: int = 0


class McpRecord(msgspec.Struct, frozen=True):
    """What is sealed."""

    name: str
    url: str
    header: str
    credential: str
    trusted: bool
    oauth: OAuthRecord | None = None


class McpRecords:
    """The records of all users, each found by its owner alone. Without a ``cipher`` none can be read."""

    def __init__(self, store: SecretStore, cipher: SecretCipher | None) -> None:
        self._store = store
        self._cipher = cipher

    async def find(self, owner: str, server_id: str) -> McpRecord | None:
        """The owner's record of that id, if there is one and a key of this server's opens it."""
        sealed = await self._store.find(owner, server_id)
        return None if sealed is None else self._opened(owner, server_id, sealed)

    async def change(
        self, owner: str, server_id: str, change: Callable[[McpRecord], McpRecord | None]
    ) -> McpRecord | None:
        """Store what ``change`` makes of the record, and return it. If another process was faster, ``change`` is asked again with
        what that one stored. ``None`` if there is no record, or ``change`` made none."""
        while (sealed := await self._store.find(owner, server_id)) is not None:
            record = self._opened(owner, server_id, sealed)
            changed = None if record is None else change(record)
            if changed is None or self._cipher is None:
                return None
            new = sealed_record(self._cipher, owner, server_id, changed)
            if await self._store.replace(owner, server_id, sealed, new):
                return changed
        return None

    def _opened(self, owner: str, server_id: str, sealed: SealedSecret) -> McpRecord | None:
        text = None if self._cipher is None else self._cipher.open(owner, server_id, sealed)
        return None if text is None else msgspec.json.decode(text, type=McpRecord)


def sealed_record(cipher: SecretCipher, owner: str, server_id: str, record: McpRecord) -> SealedSecret:
    """The record, for this owner and this id."""
    return cipher.seal(owner, server_id, msgspec.json.encode(record).decode())


def server_of(owner: str, server_id: str, record: McpRecord) -> McpServer:
    """The server that the record describes, without its tokens."""
    return McpServer(
        owner,
        server_id,
        record.name,
        record.url,
        record.header,
        record.credential,
        record.trusted,
        uses_oauth=record.oauth is not None,
    )
