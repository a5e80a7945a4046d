"""Revoked sign-ins."""

from __future__ import annotations

import pytest

from netra_backend.app.core.errors import FrameRefused, InvalidContextError, LimitRefused
from netra_backend.app.core.identity import CLOCK_LEEWAY_MS, Identity, RevokedToken
from netra_backend.app.services.revocations import Revocations
from test_framework.clock import START_MS
from test_framework.memory.revocations import MemoryRevocations


def issued(at_ms: int, user_id: str = "user_ada", token_id: str = "") -> Identity:
    return Identity(user_id, frozenset({"usage"}), None, at_ms, token_id)


async def test_what_was_issued_up_to_the_moment_counts_no_more() -> None:
    store = MemoryRevocations()
    revocations = Revocations(store)
    await revocations.revoke("user_ada", START_MS)
    assert revocations.revoked_since_ms(issued(START_MS - 1)) == START_MS
    assert revocations.revoked_since_ms(issued(START_MS)) == START_MS
    assert revocations.revoked_since_ms(issued(START_MS + 1)) is None
    assert revocations.revoked_since_ms(issued(START_MS - 1, "user_bob")) is None
    assert store.kept == {"user_ada": START_MS}


async def test_what_was_revoked_before_a_restart_stays_revoked() -> None:
    revocations = Revocations(MemoryRevocations(user_ada=START_MS))
    await revocations.load()
    assert revocations.revoked_since_ms(issued(START_MS)) == START_MS


async def test_what_was_seen_from_before_the_clock_was_set_back_is_let_go_when_the_clock_has_passed_it() -> None:
    revocations = Revocations(MemoryRevocations())
    await revocations.saw_ahead("user_ada", START_MS + 5_000, START_MS)
    await revocations.saw_ahead("user_bob", START_MS + 15_000, START_MS + 5_000)
    assert list(revocations._ahead_ms) == ["user_bob"]
    revocations.learn("user_ada", START_MS)
    revocations.learn("user_bob", START_MS + 15_000 - CLOCK_LEEWAY_MS - 1)
    assert [revocations.all_revoked_ms(user) for user in ("user_ada", "user_bob")] == [START_MS, START_MS - 15_001]
    revocations.learn("user_bob", START_MS + 10_000)
    assert revocations.all_revoked_ms("user_bob") == START_MS + 15_000


async def test_who_listens_is_told_once_and_an_older_revocation_changes_nothing() -> None:
    revocations, told = Revocations(MemoryRevocations()), list[str]()
    revocations.listen(told.append)
    revocations.learn("user_ada", START_MS)
    revocations.learn("user_ada", START_MS)
    revocations.learn("user_ada", START_MS - 5)
    assert told == ["user_ada"]
    assert revocations.revoked_since_ms(issued(START_MS)) == START_MS


async def test_a_revocation_is_in_force_before_it_is_stored() -> None:
    class Failing(MemoryRevocations):
        async def add(self, user_id: str, until_ms: int) -> None:
            raise OSError("no room")

    revocations = Revocations(Failing())
    with pytest.raises(OSError, match="no room"):
        await revocations.revoke("user_ada", START_MS)
    assert revocations.revoked_since_ms(issued(START_MS)) == START_MS


async def test_only_a_user_id_can_be_revoked() -> None:
    store = MemoryRevocations()
    with pytest.raises(InvalidContextError, match="Forbidden placeholder values"):
        await Revocations(store).revoke("default_user", START_MS)
    assert store.kept == {}


PER_USER = 3
LATER = START_MS + 3_600_000
ENDS_AT_MS = START_MS + 60_000 + 2 * CLOCK_LEEWAY_MS


def revocations_of(store: MemoryRevocations) -> Revocations:
    return Revocations(store, max_lifetime_s=60, tokens=PER_USER)


async def test_one_sign_in_is_revoked_whenever_it_was_issued_and_no_other() -> None:
    store = MemoryRevocations()
    revocations = revocations_of(store)
    await revocations.revoke_token("user_ada", "t1", START_MS)
    assert revocations.revoked_since_ms(issued(LATER, token_id="t1")) == START_MS
    for other in (issued(START_MS, token_id="t2"), issued(START_MS), issued(START_MS, "user_bob", "t1")):
        assert revocations.revoked_since_ms(other) is None
    assert store.tokens == [RevokedToken("user_ada", "t1", ENDS_AT_MS)]
    assert store.kept == {}


async def test_a_single_sign_in_stays_revoked_over_a_restart() -> None:
    store = MemoryRevocations()
    await revocations_of(store).revoke_token("user_ada", "t1", START_MS)
    again, told = revocations_of(store), list[str]()
    again.listen(told.append)
    await again.load()
    await again.load()
    assert again.revoked_since_ms(issued(LATER, token_id="t1")) == START_MS
    assert told == ["user_ada"]


async def test_who_waits_for_the_end_of_all_is_not_told_of_one() -> None:
    revocations, of_any, of_all = revocations_of(MemoryRevocations()), list[str](), list[str]()
    revocations.listen(of_any.append)
    revocations.listen_for_all(of_all.append)
    await revocations.revoke_token("user_ada", "t1", START_MS)
    await revocations.revoke("user_bob", START_MS)
    assert (of_any, of_all) == (["user_ada", "user_bob"], ["user_bob"])


@pytest.mark.validation_point("revocation.token_id")
@pytest.mark.parametrize("token_id", ["", "a b", "a\n", "é", "x" * 129, "\x00"])
async def test_only_what_can_be_the_id_of_a_token_is_revoked(token_id: str) -> None:
    store = MemoryRevocations()
    with pytest.raises(FrameRefused, match="A token's id is"):
        await revocations_of(store).revoke_token("user_ada", token_id, START_MS)
    assert store.tokens == []


async def test_only_of_a_user_id_can_a_token_be_revoked() -> None:
    with pytest.raises(InvalidContextError, match="Forbidden placeholder values"):
        await revocations_of(MemoryRevocations()).revoke_token("default_user", "t1", START_MS)


@pytest.mark.validation_point("revocation.limit")
async def test_single_revocations_of_a_user_are_bounded_until_their_tokens_are_dead() -> None:
    store = MemoryRevocations()
    revocations = revocations_of(store)
    revocations.learn_tokens(RevokedToken("user_ada", f"t{number}", ENDS_AT_MS) for number in range(PER_USER))
    with pytest.raises(LimitRefused, match="are revoked already"):
        await revocations.revoke_token("user_ada", "more", ENDS_AT_MS - 1)
    await revocations.revoke_token("user_bob", "more", ENDS_AT_MS - 1)
    await revocations.revoke_token("user_ada", "more", ENDS_AT_MS)
    assert revocations.revoked_since_ms(issued(LATER, token_id="t0")) is None
    assert {each.token_id for each in store.tokens} == {"more"}
