"""Making, showing and deleting API keys."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import pytest

from netra_backend.app.core.api_keys import USED_MS
from netra_backend.app.core.errors import (
    AuthenticationRefused,
    DependencyUnavailable,
    FrameRefused,
    LimitRefused,
    NotFound,
)
from netra_backend.app.core.identity import CLOCK_LEEWAY_MS, Identity
from netra_backend.app.core.limits import Limits
from netra_backend.app.services.api_keys import MOST_AGENTS, ApiKeys, WantedKey
from netra_backend.app.services.revocations import Revocations
from test_framework.clock import START_MS, ManualClock, SeededEntropy
from test_framework.memory.api_keys import memory_api_keys
from test_framework.memory.revocations import MemoryRevocations
from test_framework.memory.store import MemoryStore

ADA = Identity("user_ada", frozenset({"usage"}), None, START_MS)
DAY_MS = 86_400_000
LIMITS = Limits(api_keys=2, api_key_days=30, revoked_tokens=3)


class Office:
    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.store = MemoryStore()
        self.revocations = Revocations(MemoryRevocations(), tokens=LIMITS.revoked_tokens)
        self.keys: ApiKeys = memory_api_keys(self.revocations, clock, SeededEntropy(), LIMITS, self.store)


@pytest.fixture
def office(clock: ManualClock) -> Office:
    return Office(clock)


async def test_a_key_is_told_once_and_only_its_digest_is_kept(office: Office) -> None:
    key, written = await office.keys.make(ADA, WantedKey("ci"))
    assert written.startswith(f"nk_{key.key_id}_")
    secret = written.rpartition("_")[2]
    (kept,) = office.store.api_keys.values()
    assert kept == key
    assert secret not in repr(kept)
    assert (key.issued_ms, key.created_ms, key.expires_ms, key.used_ms) == (
        START_MS,
        START_MS,
        START_MS + 30 * DAY_MS,
        0,
    )
    identity = await office.keys.verify(written)
    assert identity == Identity(
        "user_ada",
        frozenset({"usage"}),
        START_MS + 30 * DAY_MS,
        START_MS,
        f"nk_{key.key_id}",
        "netra-development",
        "key",
    )
    other, _ = await office.keys.make(ADA, WantedKey("another"))
    assert other.key_id != key.key_id
    assert other.digest != key.digest


@pytest.mark.validation_point("auth.key")
async def test_nothing_but_the_whole_key_opens(office: Office) -> None:
    _, written = await office.keys.make(ADA, WantedKey("ci"))
    _, other = await office.keys.make(replace(ADA, user_id="user_bob"), WantedKey("ci"))
    head, _, secret = written.rpartition("_")
    mixed = f"{head}_{other.rpartition('_')[2]}"
    absent = f"nk_{'0' * 11}_{secret}"
    told = set()
    for wrong in (mixed, absent, "nk_", head, written[:-1], written + "0", written.swapcase()):
        with pytest.raises(AuthenticationRefused) as refused:
            await office.keys.verify(wrong)
        assert refused.value.point.id == "auth.key"
        told.add((refused.value.message, refused.value.hint))
    assert len(told) == 1


async def test_when_a_key_was_last_used_is_kept_to_the_minute(office: Office) -> None:
    key, written = await office.keys.make(ADA, WantedKey("ci"))
    seen = []
    for ms in (0, USED_MS - 1, 1):
        office.clock.advance(ms=ms)
        await office.keys.verify(written)
        seen.append(office.store.api_keys[key.key_id].used_ms - START_MS)
    assert seen == [0, 0, USED_MS]


async def test_a_use_that_cannot_be_kept_refuses_nobody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    _, written = await office.keys.make(ADA, WantedKey("ci"))

    async def away(*_: Any) -> None:
        raise DependencyUnavailable("the store is away")

    monkeypatch.setattr(office.keys._store, "used", away)
    assert (await office.keys.verify(written)).user_id == "user_ada"


async def test_a_deleted_key_opens_nothing_and_ends_what_was_begun_with_it(office: Office) -> None:
    key, written = await office.keys.make(ADA, WantedKey("ci"))
    identity, ended = await office.keys.verify(written), list[str]()
    office.revocations.listen(ended.append)
    assert await office.keys.delete("user_ada", key.key_id) == replace(key, used_ms=START_MS)
    assert ended == ["user_ada"]
    assert office.revocations.revoked_since_ms(identity) == START_MS
    assert office.revocations.revoked_since_ms(replace(identity, token_id="nk_other")) is None
    with pytest.raises(AuthenticationRefused):
        await office.keys.verify(written)
    assert await office.keys.of("user_ada") == []


@pytest.mark.validation_point("api_key.owned")
async def test_only_its_owner_deletes_a_key(office: Office) -> None:
    key, written = await office.keys.make(ADA, WantedKey("ci"))
    told = []
    for owner, key_id in (("user_bob", key.key_id), ("user_bob", "absent"), ("user_ada", "absent"), ("user_ada", "")):
        with pytest.raises(NotFound) as refused:
            await office.keys.delete(owner, key_id)
        told.append((refused.value.message, refused.value.hint))
    assert len(set(told)) == 1
    assert (await office.keys.verify(written)).user_id == "user_ada"


@pytest.mark.validation_point("api_key.form")
@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "x" * 65}),
        ("name", {"name": " x"}),
        ("name", {"name": "a\nb"}),
        ("name", {"name": "\u202e"}),
        ("scopes", {"scopes": []}),
        ("scopes", {"scopes": ["usage", "everything"]}),
        ("scopes", {"scopes": ["USAGE"]}),
        ("agents", {"agents": [""]}),
        ("agents", {"agents": ["x" * 129]}),
        ("agents", {"agents": [f"a{n}" for n in range(MOST_AGENTS + 1)]}),
        ("expires_at", {"expires_at": START_MS}),
        ("expires_at", {"expires_at": 0}),
        ("expires_at", {"expires_at": START_MS + 30 * DAY_MS + 1}),
    ],
)
async def test_what_cannot_be_a_key_is_refused(office: Office, field: str, wanted: dict[str, Any]) -> None:
    with pytest.raises(FrameRefused) as refused:
        await office.keys.make(ADA, WantedKey(**({"name": "ci"} | wanted)))
    assert (refused.value.point.id, refused.value.field) == ("api_key.form", field)
    assert office.store.api_keys == {}


@pytest.mark.validation_point("api_key.scope")
async def test_nobody_gives_away_what_only_operators_have(office: Office) -> None:
    for scope in ("admin", "metrics"):
        with pytest.raises(AuthenticationRefused) as refused:
            await office.keys.make(ADA, WantedKey("ci", ["usage", scope]))
        assert (refused.value.point.id, refused.value.entry.status) == ("api_key.scope", 403)
    watcher = replace(ADA, scopes=frozenset({"usage", "metrics"}))
    assert (await office.keys.make(watcher, WantedKey("watch", ["metrics"])))[0].scopes == {"metrics"}
    operator = replace(ADA, scopes=frozenset({"usage", "admin"}))
    assert (await office.keys.make(operator, WantedKey("all", ["metrics", "admin"])))[0].scopes == {"metrics", "admin"}


async def test_a_key_for_less_than_asking_agents_may_not_ask(office: Office) -> None:
    _, written = await office.keys.make(ADA, WantedKey("reader", ["read", "ingest"], ["triage_agent"]))
    identity = await office.keys.verify(written)
    assert (identity.scopes, identity.agents) == (frozenset({"read", "ingest"}), frozenset({"triage_agent"}))


@pytest.mark.validation_point("api_key.named")
async def test_two_keys_of_a_user_have_two_names(office: Office) -> None:
    await office.keys.make(ADA, WantedKey("ci"))
    with pytest.raises(FrameRefused) as refused:
        await office.keys.make(ADA, WantedKey("ci"))
    assert (refused.value.point.id, refused.value.entry.status) == ("api_key.named", 409)


@pytest.mark.validation_point("api_key.room")
async def test_a_user_has_a_bounded_number_of_keys(office: Office) -> None:
    made = [await office.keys.make(ADA, WantedKey(f"k{n}")) for n in range(2)]
    with pytest.raises(LimitRefused, match="2 API keys") as refused:
        await office.keys.make(ADA, WantedKey("k2"))
    assert refused.value.point.id == "api_key.room"
    await office.keys.delete("user_ada", made[0][0].key_id)
    await office.keys.make(ADA, WantedKey("k2"))


@pytest.mark.validation_point("api_key.room")
async def test_who_deletes_many_keys_makes_none_for_a_day_and_can_delete_those_that_are_left(office: Office) -> None:
    kept, _ = await office.keys.make(ADA, WantedKey("kept"))
    for n in range(LIMITS.revoked_tokens):
        key, _ = await office.keys.make(ADA, WantedKey(f"k{n}"))
        await office.keys.delete("user_ada", key.key_id)
    with pytest.raises(LimitRefused, match="within a day") as refused:
        await office.keys.make(ADA, WantedKey("one more"))
    assert refused.value.point.id == "api_key.room"
    await office.keys.delete("user_ada", kept.key_id)
    office.clock.advance(ms=DAY_MS + 2 * CLOCK_LEEWAY_MS)
    await office.keys.make(ADA, WantedKey("one more"))


@pytest.mark.validation_point("api_key.revoked")
async def test_a_key_is_not_revoked_for_a_day_but_deleted(office: Office) -> None:
    key, written = await office.keys.make(ADA, WantedKey("ci"))
    with pytest.raises(FrameRefused) as refused:
        await office.revocations.revoke_token("user_ada", key.token_id, START_MS)
    assert refused.value.point.id == "api_key.revoked"
    assert office.revocations.revoked_since_ms(await office.keys.verify(written)) is None


async def test_what_revokes_the_sign_in_that_made_a_key_revokes_the_key_whenever_it_was_made(office: Office) -> None:
    """A process that has not heard of the revocation yet still lets the sign-in make keys."""
    office.clock.advance(ms=60_000)
    _, late = await office.keys.make(ADA, WantedKey("late"))
    await office.revocations.revoke("user_ada", START_MS + 1)
    _, later = await office.keys.make(ADA, WantedKey("later"))
    again = replace(ADA, issued_at_ms=START_MS + 2)
    await office.keys.delete("user_ada", (await office.keys.of("user_ada"))[0].key_id)
    _, anew = await office.keys.make(again, WantedKey("anew"))
    stands = [office.revocations.revoked_since_ms(await office.keys.verify(each)) is None for each in (later, anew)]
    assert stands == [False, True]
    assert late


async def test_a_clock_that_is_ahead_lets_no_key_outlive_a_revocation(office: Office) -> None:
    office.clock.advance(ms=20_000)
    ahead = replace(ADA, issued_at_ms=START_MS + 20_000)
    _, of_it = await office.keys.make(ahead, WantedKey("of a sign-in by it"))
    _, by_it = await office.keys.make(ADA, WantedKey("by it"))
    office.clock.advance(ms=-20_000)
    identities = [await office.keys.verify(each) for each in (of_it, by_it)]
    await office.revocations.revoke("user_ada", office.clock.now_ms())
    assert all(office.revocations.revoked_since_ms(each) is not None for each in identities)


@pytest.mark.validation_point("api_key.maker")
async def test_a_sign_in_that_another_process_has_ended_makes_no_key(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def ended(key: Any, most: int, made_by: str = "") -> str:
        asked.append(made_by)
        return "ended"

    monkeypatch.setattr(office.keys._store, "add", ended)
    with pytest.raises(AuthenticationRefused) as refused:
        await office.keys.make(replace(ADA, token_id="jti"), WantedKey("ci"))
    assert (refused.value.point.id, refused.value.entry.id, asked) == ("api_key.maker", "revoked", ["jti"])


async def test_a_key_that_stood_is_looked_up_in_its_owners_turn_until_it_stands_no_more(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, written = await office.keys.make(ADA, WantedKey("ci"))
    find, seen = office.keys._store.find, list[str]()

    async def seeing(key_id: str, known_to_be: str = "") -> Any:
        seen.append(known_to_be)
        return await find(key_id, known_to_be)

    monkeypatch.setattr(office.keys._store, "find", seeing)

    async def shown(credential: str, *, stands: bool = True) -> str:
        with contextlib.suppress(AuthenticationRefused):
            identity = await office.keys.verify(credential)
            office.keys.stood(credential, identity.user_id if stands else None)
        return seen.pop()

    wrong = written[:-1] + ("0" if written[-1] != "0" else "1")
    assert [await shown(each) for each in (written, written, wrong, wrong, written)] == [
        "",
        "user_ada",
        "",
        "",
        "user_ada",
    ]
    await shown(written, stands=False)  # it has expired, or was revoked
    assert [await shown(written), await shown(written)] == ["", "user_ada"]
    await office.keys.delete("user_ada", key.key_id)
    assert [await shown(written), await shown(written), await shown(written)] == ["user_ada", "", ""]


async def test_keys_that_are_made_at_once_are_each_their_own(office: Office) -> None:
    made = await asyncio.gather(*(office.keys.make(ADA, WantedKey(f"k{n}")) for n in range(2)))
    assert {(await office.keys.verify(written)).token_id for _, written in made} == {key.token_id for key, _ in made}
