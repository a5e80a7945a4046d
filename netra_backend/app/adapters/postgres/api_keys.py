"""API keys of users in PostgreSQL: written in the name of their owner alone, and found by their ids, before an owner is known,
by the writer."""

from __future__ import annotations

from typing import Final

from ...core.api_keys import ApiKey
from ...sign_in_ports import Added
from ..auth.api_key_rows import kept, told
from .connection import name_owner
from .pool import PostgresConnectionPool
from .reader import AS_OWNER
from .revocations import ONE_AT_A_TIME

_COLUMNS: Final = (
    "k.key_id, k.owner, k.name, k.digest, k.scopes, k.agents, k.plan, k.issued, k.created, k.expires, k.used"
)
_ENDED: Final = """
SELECT EXISTS (SELECT FROM revocation r WHERE r.user_id = $1 AND r.until >= $2)
    OR EXISTS (SELECT FROM revoked_token t WHERE t.user_id = $1 AND t.token_id = $3)
"""
_OTHERS: Final = (
    "SELECT count(*) AS keys, count(*) FILTER (WHERE k.name = $2) AS named FROM api_key k WHERE k.owner = $1"
)
_ADD: Final = """
INSERT INTO api_key (key_id, owner, name, digest, scopes, agents, plan, issued, created, expires, used)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_FIND: Final = f"SELECT {_COLUMNS} FROM api_key k WHERE k.key_id = $1"  # noqa: S608  # constants alone
_OF: Final = f"""
SELECT found.* FROM {AS_OWNER} (
    SELECT {_COLUMNS} FROM api_key k WHERE k.owner = asked.owner ORDER BY k.name
) AS found ORDER BY found.name
"""  # noqa: S608  # constants alone
_USED: Final = "UPDATE api_key k SET used = $3 WHERE k.key_id = $1 AND k.owner = $2 AND k.used < $3"
_REMOVE: Final = "DELETE FROM api_key k WHERE k.key_id = $1 AND k.owner = $2 RETURNING k.key_id"


class PostgresApiKeys:
    """``sign_in_ports.ApiKeyStore`` over the event log's connections. Keys are found over connections of their own: one for
    those that are known, one for those that anybody may show, so that neither holds up the other, or what is appended."""

    def __init__(
        self,
        readers: PostgresConnectionPool,
        writers: PostgresConnectionPool,
        known: PostgresConnectionPool,
        shown: PostgresConnectionPool,
    ) -> None:
        self._readers = readers
        self._writers = writers
        self._known = known
        self._shown = shown

    async def add(self, key: ApiKey, most: int, made_by: str = "") -> Added:
        async with self._writers.line() as connection, connection.transaction():
            await name_owner(connection, key.owner)
            await connection.execute(ONE_AT_A_TIME, key.owner)
            if await connection.fetchval(_ENDED, key.owner, key.issued_ms, made_by):
                return "ended"
            others = await connection.fetchrow(_OTHERS, key.owner, key.name)
            if others["named"]:
                return "named"
            if others["keys"] >= most:
                return "full"
            await connection.execute(_ADD, *kept(key))
            return "added"

    async def find(self, key_id: str, known_to_be: str = "") -> ApiKey | None:
        rows = await (self._known if known_to_be else self._shown).ask(_FIND, key_id, turn_of=known_to_be)
        return told(rows[0]) if rows else None

    async def close(self) -> None:
        """Let go of the connections that are its own."""
        await self._known.close()
        await self._shown.close()

    async def of(self, owner: str) -> list[ApiKey]:
        return [told(row) for row in await self._readers.ask(_OF, owner)]

    async def used(self, owner: str, key_id: str, at_ms: int) -> None:
        async with self._writers.line() as connection, connection.transaction():
            await name_owner(connection, owner)
            await connection.execute(_USED, key_id, owner, at_ms)

    async def remove(self, owner: str, key_id: str) -> bool:
        async with self._writers.line() as connection, connection.transaction():
            await name_owner(connection, owner)
            return await connection.fetchval(_REMOVE, key_id, owner) is not None
