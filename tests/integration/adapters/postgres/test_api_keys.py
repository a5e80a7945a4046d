"""API keys in PostgreSQL, of two processes at once; the rest of the port is in the contract suite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from netra_backend.app.adapters.postgres.api_keys import PostgresApiKeys
from netra_backend.app.adapters.postgres.connection import READER, WRITER, Role, closing_pool
from netra_backend.app.adapters.postgres.pool import PostgresConnectionPool
from netra_backend.app.adapters.postgres.revocations import PostgresRevocations
from netra_backend.app.core.api_keys import ApiKey
from netra_backend.app.core.identity import RevokedToken
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


def key(key_id: str, name: str) -> ApiKey:
    return ApiKey(key_id, "ada", name, b"digest", frozenset({"usage"}), frozenset(), "", 5, 5, 9)


@pytest.fixture
async def pools(netra_database: NetraDatabase) -> AsyncIterator[list[PostgresConnectionPool]]:
    """Those of two processes."""
    roles: tuple[Role, ...] = (READER, WRITER, WRITER, WRITER)
    made = [PostgresConnectionPool(netra_database.url, role, 2) for role in (*roles, *roles)]
    yield made
    for pool in made:
        await pool.close()


async def test_two_processes_that_make_keys_keep_to_names_and_bound(pools: list[PostgresConnectionPool]) -> None:
    one, two = PostgresApiKeys(*pools[:4]), PostgresApiKeys(*pools[4:])
    for n in range(10):
        named = await asyncio.gather(one.add(key(f"a{n}", "ci"), 3), two.add(key(f"b{n}", "ci"), 3))
        assert sorted(named) == ["added", "named"]
        filled = await asyncio.gather(
            *(process.add(key(f"{at}-{n}", f"{at}"), 3) for at, process in enumerate((one, two, one, two)))
        )
        assert sorted(filled) == ["added", "added", "full", "full"]
        for each in await two.of("ada"):
            assert await one.find(each.key_id) == await one.find(each.key_id, known_to_be="ada") == each
            assert await one.remove("ada", each.key_id)


async def test_no_key_is_made_by_a_sign_in_that_another_process_has_ended(
    netra_database: NetraDatabase, pools: list[PostgresConnectionPool]
) -> None:
    keys = PostgresApiKeys(*pools[:4])
    async with closing_pool(netra_database.url, WRITER, size=1) as writer:
        revocations = PostgresRevocations(writer)
        await revocations.add("bob", 9)
        await revocations.add("ada", 4)
        assert await keys.add(key("k1", "before"), 9, "jti") == "added"  # its sign-in is later than that
        await revocations.add_token(RevokedToken("ada", "jti", 9), 1)
        assert await keys.add(key("k2", "by it"), 9, "jti") == "ended"
        assert await keys.add(key("k3", "by another"), 9, "other") == "added"
        await revocations.add("ada", 5)
        assert await keys.add(key("k4", "by another"), 9, "other") == "ended"
    assert [each.key_id for each in await keys.of("ada")] == ["k1", "k3"]


async def test_of_a_key_and_a_revocation_at_once_the_second_one_sees_the_first(
    netra_database: NetraDatabase, pools: list[PostgresConnectionPool]
) -> None:
    """Or a key would be kept that no process counts as ended, and that the deletion of its user has passed over."""
    keys = PostgresApiKeys(*pools[:4])
    async with closing_pool(netra_database.url, WRITER, size=2) as writer:
        revocations = PostgresRevocations(writer)
        for n in range(20):
            made = key(f"k{n}", f"{n}")
            ended = RevokedToken("ada", f"jti{n}", 9)
            added, _ = await asyncio.gather(keys.add(made, 99, f"jti{n}"), revocations.add_token(ended, 1))
            later = await keys.add(key(f"l{n}", f"l{n}"), 99, f"jti{n}")
            assert (added in ("added", "ended"), later) == (True, "ended")


async def test_keys_that_nobody_has_made_hold_up_none_that_is_known(pools: list[PostgresConnectionPool]) -> None:
    keys = PostgresApiKeys(*pools[:4])
    assert await keys.add(key("k1", "ci"), 9) == "added"
    done: list[str] = []

    async def shown(key_id: str) -> None:
        assert await keys.find(key_id) is None
        done.append(key_id)

    async def known() -> None:
        assert await keys.find("k1", known_to_be="ada") is not None
        done.append("known")

    await keys.find("k1", known_to_be="ada")  # its connection is there
    async with asyncio.TaskGroup() as group:
        for n in range(300):
            group.create_task(shown(f"absent{n}"))
        group.create_task(known())
    assert done.index("known") < 100


async def test_a_known_key_that_many_show_holds_up_no_other_users(pools: list[PostgresConnectionPool]) -> None:
    keys = PostgresApiKeys(*pools[:4])
    assert await keys.add(key("k1", "ci"), 9) == "added"
    done: list[str] = []

    async def shown(owner: str) -> None:
        await keys.find("k1", known_to_be=owner)
        done.append(owner)

    async with asyncio.TaskGroup() as group:
        for _ in range(300):
            group.create_task(shown("ada"))
        group.create_task(shown("bob"))
    assert done.index("bob") < 20
