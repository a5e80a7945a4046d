"""What every store of revocations promises (``ports.RevocationStore``): one suite over all adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from netra_backend.app.adapters.auth.file_revocations import FileRevocations
from netra_backend.app.adapters.postgres.connection import WRITER, open_pool
from netra_backend.app.adapters.postgres.revocations import PostgresRevocations
from netra_backend.app.core.identity import RevokedToken
from netra_backend.app.services.revocations import Revocations
from netra_backend.app.sign_in_ports import RevocationStore
from test_framework.memory.revocations import MemoryRevocations
from test_framework.service_clients import NetraDatabase

Open = Callable[[], AbstractAsyncContextManager[RevocationStore]]


@asynccontextmanager
async def over_a_file(directory: Path) -> AsyncIterator[RevocationStore]:
    yield FileRevocations(directory)


@asynccontextmanager
async def over_postgres(database: NetraDatabase) -> AsyncIterator[RevocationStore]:
    async with await open_pool(database.url, WRITER, size=3) as writer:
        yield PostgresRevocations(writer)


@asynccontextmanager
async def over(store: RevocationStore) -> AsyncIterator[RevocationStore]:
    yield store


@pytest.fixture(params=["file", "memory", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens a store; a second time over what the first one stored."""
    if request.param == "memory":
        return partial(over, MemoryRevocations())
    if request.param == "file":
        return partial(over_a_file, tmp_path)
    return partial(over_postgres, request.getfixturevalue("netra_database"))


async def test_what_was_added_is_there_after_a_restart_and_of_one_user_the_latest(opened: Open) -> None:
    async with opened() as store:
        assert await store.load() == {}
        await store.add("user_ada", 5)
        await asyncio.gather(store.add("user_bob", 6), store.add("user_ada", 7), store.add("user_ada", 4))
    async with opened() as store:
        assert await store.load() == {"user_ada": 7, "user_bob": 6}


async def test_an_older_moment_changes_nothing(opened: Open) -> None:
    async with opened() as store:
        await store.add("user_ada", 7)
        await store.add("user_ada", 5)
        assert await store.load() == {"user_ada": 7}


async def test_the_service_over_it_knows_what_was_revoked_before(opened: Open) -> None:
    async with opened() as store:
        await Revocations(store).revoke("user_ada", 1_000)
    async with opened() as store:
        told: list[str] = []
        revocations = Revocations(store)
        revocations.listen(told.append)
        await revocations.load()
        await revocations.load()
        assert told == ["user_ada"]


async def test_single_sign_ins_are_there_after_a_restart_each_once_for_as_long_as_was_said_last(opened: Open) -> None:
    far_ms = 1 << 45
    ada, bob = RevokedToken("user_ada", "t1", far_ms), RevokedToken("user_bob", "urn:x/y?z", far_ms)
    again = RevokedToken("user_ada", "t1", far_ms + 1)
    async with opened() as store:
        assert await store.load_tokens() == []
        await asyncio.gather(store.add_token(ada, 1), store.add_token(bob, 1))
        await store.add_token(again, 2)
        assert await store.load() == {}
    async with opened() as store:
        assert sorted(await store.load_tokens(), key=lambda each: each.user_id) == [again, bob]


async def test_what_no_token_can_be_about_any_more_is_let_go_of(opened: Open) -> None:
    dead, live = RevokedToken("user_ada", "t1", 1_000), RevokedToken("user_ada", "t2", 1 << 45)
    async with opened() as store:
        await store.add_token(dead, 1)
        await store.add_token(live, 1_000)
        assert await store.load_tokens() == [live]
