"""Presence on a real Valkey that forgets, is frozen, or holds what strangers wrote. What all promise is in the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from netra_backend.app.adapters.redis import presence
from netra_backend.app.adapters.redis.presence import REFRESH_ROUNDS, TTL_MS, RedisPresence
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.quotas import Counts
from test_framework import services
from test_framework.ids import new_id


class Two:
    """Two processes on one Valkey, and a client that reads and writes what is theirs."""

    def __init__(self, url: str) -> None:
        self.namespace = new_id("presence")
        self.one, self.two = (
            RedisPresence(url, new_id("prc"), namespace=self.namespace, key=b"of this test") for _ in range(2)
        )
        self.redis: Any = Redis.from_url(url)

    def key(self, user: str) -> str:
        return f"{user}:{self.namespace}:presence"

    async def close(self) -> None:
        for each in (self.one, self.two):
            await each.close()
        await self.redis.aclose()


@pytest.fixture
async def two(redis_service: services.Service) -> AsyncIterator[Two]:
    made = Two(redis_service.url)
    yield made
    await made.close()


ADA = {"user_ada": Counts(connections=2, runs=1)}


async def test_keys_begin_with_their_owner_and_end_by_themselves(two: Two) -> None:
    await two.one.exchange(ADA)
    assert await two.redis.keys(f"*{two.namespace}*") == [two.key("user_ada").encode()]
    assert 0 < await two.redis.pttl(two.key("user_ada")) <= TTL_MS


async def test_what_a_dead_process_held_ends(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "TTL_MS", 0)
    await two.one.exchange(ADA)
    monkeypatch.undo()
    assert dict(await two.two.exchange(ADA)) == {}


async def test_what_a_process_took_back_is_held_by_nobody_and_its_key_ends_by_itself(two: Two) -> None:
    await two.one.exchange(ADA)
    await two.one.exchange({})
    assert dict(await two.two.exchange(ADA)) == {}
    assert 0 < await two.redis.pttl(two.key("user_ada")) <= TTL_MS


async def test_what_a_process_said_before_cannot_be_said_again_by_somebody_else(two: Two) -> None:
    """Who writes to the server and has kept a value that was sealed."""
    mine = {"user_ada": Counts(connections=1)}

    async def replayed() -> dict[str, Counts]:
        await two.redis.hset(two.key("user_ada"), process, kept)
        two.two._said.clear()
        return dict(await two.two.exchange(mine))

    await two.one.exchange({"user_ada": Counts(connections=20)})
    (process,) = await two.redis.hkeys(two.key("user_ada"))
    kept = await two.redis.hget(two.key("user_ada"), process)
    assert await two.two.exchange(mine) == {"user_ada": Counts(connections=20)}
    await two.one.exchange({"user_ada": Counts(connections=3)})
    two.two._said.clear()
    assert await two.two.exchange(mine) == {"user_ada": Counts(connections=3)}
    assert await replayed() == {}
    await two.one.exchange({})
    assert await replayed() == {}
    assert two.two.ignored == 2


async def test_that_nothing_is_held_any_more_is_said_until_what_was_held_has_ended(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that who has not heard of it yet does not believe for long what somebody else says again."""
    mine = {"user_ada": Counts(connections=1)}
    await two.one.exchange({"user_ada": Counts(connections=20)})
    (process,) = await two.redis.hkeys(two.key("user_ada"))
    kept = await two.redis.hget(two.key("user_ada"), process)
    await two.one.exchange({})
    await two.redis.hset(two.key("user_ada"), process, kept)
    for _ in range(REFRESH_ROUNDS):
        await two.one.exchange({})
    await two.redis.hset(two.key("user_bob"), process, kept)
    assert dict(await two.two.exchange(mine)) == {}
    monkeypatch.setattr(presence, "TTL_MS", -30_000)
    two.one._left["user_ada"] = 0
    for _ in range(REFRESH_ROUNDS):
        await two.one.exchange({})
    assert two.one._left == {}


async def test_what_was_seen_is_forgotten_once_it_has_ended(two: Two) -> None:
    both = {**ADA, "user_bob": Counts(runs=2)}
    await two.two.exchange(both)
    await two.one.exchange(both)
    assert len(two.one._newest) == 2
    for _ in range(2):  # so much later
        two.one._turned_ms = 0
        two.one._said.clear()
        await two.one.exchange(ADA)
    assert {user for user, _ in (*two.one._newest, *two.one._newest_before)} == {"user_ada"}


@pytest.mark.parametrize(
    "value",
    ["", "x", "1 2 3", "-1 -1 -1 -1", "99999999999999 1 1 1", "1 1 1 1", "9" * 400 + " 1 1 1", "\xff\x00", "nan 1 1 1"],
)
async def test_what_strangers_write_into_a_hash_is_removed(two: Two, value: str) -> None:
    await two.redis.hset(two.key("user_ada"), "prc_stranger", value)
    assert dict(await two.one.exchange(ADA)) == {}
    assert await two.redis.hlen(two.key("user_ada")) == 1


@pytest.mark.parametrize("forge", ["made up", "another user's", "another process's", "kept"])
async def test_who_can_write_to_the_server_but_has_no_key_locks_nobody_out(
    two: Two, forge: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sealed counts for its user, its process and its time, and for nothing else."""
    both = {"user_ada": Counts(connections=20), "user_bob": Counts(connections=19)}
    monkeypatch.setattr(presence, "TTL_MS", 60_000 if forge == "kept" else TTL_MS)
    await two.one.exchange(both)
    monkeypatch.undo()
    (process,) = await two.redis.hkeys(two.key("user_ada"))
    value = (await two.redis.hget(two.key("user_ada"), process)).decode()
    ends, *_, mac = value.split()
    user = "user_ada"
    if forge == "made up":
        await two.redis.hset(two.key(user), process, f"{ends} 99 99 99 {mac}")
    elif forge == "another user's":
        user = "user_bob"
        await two.redis.hset(two.key(user), process, value)
    elif forge == "another process's":
        await two.redis.hset(two.key(user), "prc_stranger", value)
        await two.redis.hdel(two.key(user), process)
    assert dict(await two.two.exchange({user: Counts(runs=1)})) == {}
    assert two.two.ignored == (forge != "kept")


async def test_a_key_of_another_kind_or_of_too_many_fields_is_made_anew(two: Two) -> None:
    await two.redis.set(two.key("user_ada"), "text")
    await two.redis.hset(two.key("user_bob"), mapping={f"prc_{number}": "1 1 1 1" for number in range(1001)})
    both = {**ADA, "user_bob": Counts(runs=2)}
    assert dict(await two.one.exchange(both)) == {}
    assert dict(await two.two.exchange(both)) == both


async def test_a_loss_is_noticed_and_everything_is_said_again_in_the_next_exchange(two: Two) -> None:
    users = {f"user_{number}": Counts(connections=1) for number in range(60)}
    await two.one.exchange(users)
    await two.redis.flushdb()
    for _ in range(2):
        await two.one.exchange(users)
    assert len(await two.redis.keys(f"*{two.namespace}*")) == 60


async def test_what_does_not_change_is_said_again_only_now_and_then(two: Two) -> None:
    users = {f"user_{number}": Counts(connections=1) for number in range(100)}
    await two.one.exchange(users)
    said: list[int] = []
    script = two.one._script

    async def counted(*, keys: list[str], args: list[Any]) -> Any:
        said.append(len(keys))
        return await script(keys=keys, args=args)

    two.one._script = counted  # type: ignore[assignment]  # counts what goes over the wire
    for _ in range(REFRESH_ROUNDS):
        await two.one.exchange(users)
    assert sum(said) == 100
    assert max(said) < 60


async def test_a_server_that_is_gone_is_told_as_such_and_used_again_when_it_is_back() -> None:
    with services.own_redis() as own:
        two = Two(own.url)
        await two.one.exchange(ADA)
        own.kill()
        with pytest.raises(DependencyUnavailable):
            await two.one.exchange({"user_ada": Counts(runs=9)})
        own.restart()
        await two.one.exchange(ADA)
        assert dict(await two.two.exchange(ADA)) == ADA
        await two.close()
