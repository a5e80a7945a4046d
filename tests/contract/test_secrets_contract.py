"""What every store of secrets promises (``secret_ports.SecretStore``), that of MCP servers too: one suite over all adapters."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.secret_ports import SealedSecret
from test_framework.clock import START_MS, ManualClock
from tests.contract.conftest import StoryOverAnAdapter

ONE, TWO = SealedSecret("k1", b"one\x00\xff"), SealedSecret("k2", b"two")
THREE = SealedSecret("k2", b"three")


@pytest.fixture(params=["secrets", "mcp_servers"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def secrets(story: StoryOverAnAdapter, kind: str) -> Any:
    return getattr(story.log, kind)


async def test_a_secret_is_there_until_it_is_replaced_or_removed_also_after_a_restart(
    story: StoryOverAnAdapter, secrets: Any, kind: str
) -> None:
    assert await secrets.find("user_ada", "a") is None
    assert await secrets.put("user_ada", "a", ONE, 9)
    assert await secrets.find("user_ada", "a") == ONE
    assert await secrets.put("user_ada", "a", TWO, 9)
    await story.reopen()
    secrets = getattr(story.log, kind)
    assert await secrets.find("user_ada", "a") == TWO
    assert await secrets.names("user_ada") == [("a", START_MS)]
    assert await secrets.remove("user_ada", "a")
    assert not await secrets.remove("user_ada", "a")
    assert await secrets.names("user_ada") == []


async def test_a_secret_is_its_owners_and_nobody_elses(secrets: Any) -> None:
    await secrets.put("user_ada", "a", ONE, 9)
    await secrets.put("user_bob", "b", TWO, 9)
    assert await secrets.find("user_bob", "a") is None
    assert await secrets.names("user_bob") == [("b", START_MS)]
    assert not await secrets.remove("user_bob", "a")
    assert not await secrets.remove("", "a")
    assert await secrets.find("user_ada", "a") == ONE


async def test_an_owner_has_no_more_than_the_bound_however_many_come_at_once(secrets: Any) -> None:
    stored = await asyncio.gather(*(secrets.put("user_ada", f"n{n}", ONE, 3) for n in range(6)))
    assert sum(stored) == 3
    (name, _), *_ = await secrets.names("user_ada")
    assert await secrets.put("user_ada", name, TWO, 3)  # one that is there is replaced
    assert not await secrets.put("user_ada", "another", TWO, 3)
    assert await secrets.put("user_bob", "another", TWO, 3)


async def test_those_of_another_key_are_named_whoever_has_them(secrets: Any) -> None:
    await secrets.put("user_ada", "a", ONE, 9)
    await secrets.put("user_ada", "b", TWO, 9)
    await secrets.put("user_bob", "c", ONE, 9)
    assert await secrets.stale("k2") == [("user_ada", "a"), ("user_bob", "c")]
    assert await secrets.stale("k1") == [("user_ada", "b")]
    assert await secrets.stale("k2", ("user_ada", "a")) == [("user_bob", "c")]
    assert await secrets.stale("k2", ("user_bob", "c")) == []


async def test_a_secret_is_sealed_anew_only_while_it_is_the_one_that_was_read(clock: ManualClock, secrets: Any) -> None:
    await secrets.put("user_ada", "a", ONE, 9)
    await secrets.put("user_ada", "b", TWO, 9)
    clock.advance(s=5)
    assert await secrets.replace("user_ada", "a", ONE, THREE)
    assert await secrets.find("user_ada", "a") == THREE
    assert await secrets.names("user_ada") == [("a", START_MS), ("b", START_MS)]  # its user did not store it
    for owner, name, old in (
        ("user_ada", "a", ONE),
        ("user_ada", "a", THREE._replace(sealed=b"other")),
        ("user_ada", "a", THREE._replace(key_id="k1")),
        ("user_bob", "a", THREE),
        ("user_ada", "absent", THREE),
    ):
        assert not await secrets.replace(owner, name, old, ONE)
    assert await secrets.find("user_ada", "a") == THREE
    assert await secrets.find("user_ada", "b") == TWO
    assert await secrets.names("user_bob") == []


async def test_secrets_go_with_their_owner(story: StoryOverAnAdapter, secrets: Any) -> None:
    await secrets.put("user_ada", "a", ONE, 9)
    await secrets.put("user_bob", "b", TWO, 9)
    await story.log.delete_owner("user_ada")
    assert await secrets.names("user_ada") == []
    assert await secrets.names("user_bob") == [("b", START_MS)]


async def test_secrets_and_mcp_servers_of_one_name_are_apart(story: StoryOverAnAdapter) -> None:
    log: Any = story.log
    assert await log.secrets.put("user_ada", "a", ONE, 1)
    assert await log.mcp_servers.put("user_ada", "a", TWO, 1)
    assert (await log.secrets.find("user_ada", "a"), await log.mcp_servers.find("user_ada", "a")) == (ONE, TWO)
    assert await log.mcp_servers.remove("user_ada", "a")
    assert await log.secrets.names("user_ada") == [("a", START_MS)]
