"""An API key as a row, as all stores have it."""

from __future__ import annotations

from typing import Any

import msgspec

from ...core.api_keys import ApiKey


def kept(key: ApiKey) -> tuple[str | bytes | int, ...]:
    """The key as a row of its table, in the order of its columns."""
    scopes, agents = (msgspec.json.encode(sorted(words)).decode() for words in (key.scopes, key.agents))
    times = key.issued_ms, key.created_ms, key.expires_ms, key.used_ms
    return key.key_id, key.owner, key.name, key.digest, scopes, agents, key.plan, *times


def told(row: Any) -> ApiKey:
    """The key of a row."""
    key_id, owner, name, digest, scopes, agents, plan, *times = row
    return ApiKey(key_id, owner, name, bytes(digest), _words(scopes), _words(agents), plan, *times)


def _words(kept: str) -> frozenset[str]:
    return frozenset(msgspec.json.decode(kept, type=list[str]))
