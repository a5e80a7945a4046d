"""A revocation is stored first, and told to the others then."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.cluster.broadcasting_revocations import BroadcastingRevocationStore
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.identity import RevokedToken


class Kept:
    """A store, and peers, that note what comes in its order."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.said: list[Any] = []
        self._fault = fault

    async def load(self) -> dict[str, int]:
        return {"ann": 5}

    async def add(self, user_id: str, until_ms: int) -> None:
        if self._fault is not None:
            raise self._fault
        self.said.append(("stored", user_id, until_ms))

    async def load_tokens(self) -> list[RevokedToken]:
        return [RevokedToken("ann", "t1", 5)]

    async def add_token(self, revoked: RevokedToken, now_ms: int) -> None:
        if self._fault is not None:
            raise self._fault
        self.said.append(("stored", revoked, now_ms))

    def token_revoked(self, revoked: RevokedToken) -> None:
        self.said.append(("told", revoked))

    def revoked(self, user_id: str, until_ms: int) -> None:
        self.said.append(("told", user_id, until_ms))


async def test_it_is_told_once_it_is_stored() -> None:
    kept: Any = Kept()
    revocations = BroadcastingRevocationStore(kept, kept)
    assert await revocations.load() == {"ann": 5}
    await revocations.add("ben", 7)
    assert kept.said == [("stored", "ben", 7), ("told", "ben", 7)]


async def test_one_sign_in_is_told_once_it_is_stored() -> None:
    kept: Any = Kept()
    revocations = BroadcastingRevocationStore(kept, kept)
    assert await revocations.load_tokens() == [RevokedToken("ann", "t1", 5)]
    revoked = RevokedToken("ben", "t2", 9)
    await revocations.add_token(revoked, 7)
    assert kept.said == [("stored", revoked, 7), ("told", revoked)]


async def test_what_could_not_be_stored_is_not_told() -> None:
    kept: Any = Kept(DependencyUnavailable("away"))
    with pytest.raises(DependencyUnavailable):
        await BroadcastingRevocationStore(kept, kept).add("ben", 7)
    with pytest.raises(DependencyUnavailable):
        await BroadcastingRevocationStore(kept, kept).add_token(RevokedToken("ben", "t2", 9), 7)
    assert kept.said == []
