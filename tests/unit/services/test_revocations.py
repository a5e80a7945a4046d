"""Revoked sign-ins."""

from __future__ import annotations

import pytest

from netra_backend.app.core.errors import InvalidContextError
from netra_backend.app.core.identity import Identity
from netra_backend.app.services.revocations import Revocations
from test_framework.clock import START_MS


class Store:
    def __init__(self, **kept: int) -> None:
        self.kept = kept

    async def load(self) -> dict[str, int]:
        return dict(self.kept)

    async def add(self, user_id: str, until_ms: int) -> None:
        self.kept[user_id] = until_ms


def issued(at_ms: int, user_id: str = "user_ada") -> Identity:
    return Identity(user_id, frozenset({"usage"}), None, at_ms)


async def test_what_was_issued_up_to_the_moment_counts_no_more() -> None:
    store = Store()
    revocations = Revocations(store)
    await revocations.revoke("user_ada", START_MS)
    assert revocations.is_revoked(issued(START_MS - 1))
    assert revocations.is_revoked(issued(START_MS))
    assert not revocations.is_revoked(issued(START_MS + 1))
    assert not revocations.is_revoked(issued(START_MS - 1, "user_bob"))
    assert store.kept == {"user_ada": START_MS}


async def test_what_was_revoked_before_a_restart_stays_revoked() -> None:
    revocations = Revocations(Store(user_ada=START_MS))
    await revocations.load()
    assert revocations.is_revoked(issued(START_MS))


async def test_who_listens_is_told_once_and_an_older_revocation_changes_nothing() -> None:
    revocations, told = Revocations(Store()), list[str]()
    revocations.listen(told.append)
    revocations.learn("user_ada", START_MS)
    revocations.learn("user_ada", START_MS)
    revocations.learn("user_ada", START_MS - 5)
    assert told == ["user_ada"]
    assert revocations.is_revoked(issued(START_MS))


async def test_a_revocation_is_in_force_before_it_is_stored() -> None:
    class Failing(Store):
        async def add(self, user_id: str, until_ms: int) -> None:
            raise OSError("no room")

    revocations = Revocations(Failing())
    with pytest.raises(OSError, match="no room"):
        await revocations.revoke("user_ada", START_MS)
    assert revocations.is_revoked(issued(START_MS))


async def test_only_a_user_id_can_be_revoked() -> None:
    store = Store()
    with pytest.raises(InvalidContextError, match="Forbidden placeholder values"):
        await Revocations(store).revoke("default_user", START_MS)
    assert store.kept == {}
