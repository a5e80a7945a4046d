"""What every presence promises (``ports.Presence``): one suite over all adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from netra_backend.app.adapters.redis.presence import REFRESH_ROUNDS, RedisPresence
from netra_backend.app.core.quotas import Counts
from netra_backend.app.ports import Presence
from test_framework.ids import new_id
from test_framework.memory.presence import MemoryPresence, MemoryPresences

Join = Callable[[], Presence]


@pytest.fixture(params=["memory", "redis"])
async def join(request: pytest.FixtureRequest) -> AsyncIterator[Join]:
    """Makes one more process that tells the others what its users hold; ``join.flush`` loses all that was said."""
    async with AsyncExitStack() as stack:
        presences, namespace = MemoryPresences(), new_id("presence")

        def joined() -> Presence:
            process_id = new_id("prc")
            made: Any
            if request.param == "memory":
                made = MemoryPresence(presences, process_id)
            else:
                url = request.getfixturevalue("redis_service").url
                made = RedisPresence(url, process_id, namespace=namespace, key=b"of this test")
            stack.push_async_callback(made.close)
            return made  # type: ignore[no-any-return]  # one of two adapters

        async def flush() -> None:
            if request.param == "memory":
                presences.flush()
            else:
                from redis.asyncio import Redis

                redis = Redis.from_url(request.getfixturevalue("redis_service").url)
                await redis.flushdb()
                await redis.script_flush()
                await redis.aclose()

        joined.flush = flush  # type: ignore[attr-defined]  # what only some tests need
        yield joined


async def settled(presence: Presence, mine: dict[str, Counts]) -> dict[str, Counts]:
    """What is known of the others when everything has had its turn."""
    for _ in range(REFRESH_ROUNDS):
        found = await presence.exchange(mine)
    return dict(found)


async def test_what_a_user_holds_at_other_processes_is_learnt_and_not_what_is_held_here(join: Any) -> None:
    one, two, three = join(), join(), join()
    await one.exchange({"user_ada": Counts(connections=1, runs=2), "user_bob": Counts(queued=7)})
    await two.exchange({"user_ada": Counts(connections=4, queued=1)})
    assert dict(await three.exchange({"user_ada": Counts(runs=100)})) == {"user_ada": Counts(5, 2, 1)}
    assert await settled(one, {"user_ada": Counts(connections=1, runs=2), "user_bob": Counts(queued=7)}) == {
        "user_ada": Counts(4, 100, 1)
    }


async def test_a_change_is_told_in_the_next_exchange(join: Any) -> None:
    one, two = join(), join()
    for runs in (1, 3, 2):
        await one.exchange({"user_ada": Counts(runs=runs)})
        assert dict(await two.exchange({"user_ada": Counts(connections=runs)})) == {"user_ada": Counts(runs=runs)}


async def test_what_is_held_no_more_counts_no_more(join: Any) -> None:
    one, two = join(), join()
    await one.exchange({"user_ada": Counts(runs=3), "user_bob": Counts(runs=1)})
    await one.exchange({"user_bob": Counts(runs=1)})
    assert await settled(two, {"user_ada": Counts(connections=1), "user_bob": Counts(connections=1)}) == {
        "user_bob": Counts(runs=1)
    }
    await one.exchange({})
    assert await settled(two, {"user_ada": Counts(connections=1), "user_bob": Counts(connections=1)}) == {}


async def test_of_users_who_are_not_here_nothing_is_learnt(join: Any) -> None:
    one, two = join(), join()
    await one.exchange({"user_ada": Counts(runs=3)})
    await two.exchange({"user_ada": Counts(runs=1)})
    assert dict(await two.exchange({"user_bob": Counts(runs=1)})) == {}
    assert dict(await two.exchange({})) == {}


async def test_after_everything_was_lost_it_is_whole_again_by_itself(join: Any) -> None:
    one, two = join(), join()
    users = {f"user_{number}": Counts(connections=1, runs=number % 3) for number in range(40)}
    await one.exchange(users)
    await settled(two, users)
    await join.flush()
    for _ in range(REFRESH_ROUNDS + 1):
        await one.exchange(users)
        await two.exchange(users)
    assert await settled(two, users) == users


async def test_many_users_are_exchanged_at_once(join: Any) -> None:
    one, two = join(), join()
    users = {f"user_{number}": Counts(connections=1 + number % 7) for number in range(1500)}
    await one.exchange(users)
    assert dict(await two.exchange(users)) == users


async def test_processes_that_exchange_at_the_same_time_do_not_disturb_each_other(join: Any) -> None:
    processes = [join() for _ in range(4)]
    users = {f"user_{number}": Counts(connections=1) for number in range(50)}
    await asyncio.gather(*(process.exchange(users) for process in processes))
    for process in processes:
        assert await settled(process, users) == {user: Counts(connections=3) for user in users}
