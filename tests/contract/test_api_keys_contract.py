"""What every store of API keys promises (``sign_in_ports.ApiKeyStore``): one suite over all adapters."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from netra_backend.app.core.api_keys import ApiKey
from test_framework.clock import START_MS
from tests.contract.conftest import StoryOverAnAdapter

KEY = ApiKey(
    "k1", "user_ada", "ci", b"\x00digest\xff", frozenset({"usage", "read"}), frozenset({"triage_agent"}), "free", 5, 7, START_MS
)  # fmt: skip


def named(name: str, owner: str = "user_ada") -> ApiKey:
    return replace(KEY, key_id=f"{owner}-{name}", owner=owner, name=name)


@pytest.fixture
def keys(story: StoryOverAnAdapter) -> Any:
    log: Any = story.log
    return log.api_keys


async def test_a_key_is_found_by_its_id_until_it_is_removed_also_after_a_restart(
    story: StoryOverAnAdapter, keys: Any
) -> None:
    assert await keys.find("k1") is None
    assert await keys.add(KEY, 9) == "added"
    log: Any = story.log
    assert await log.api_keys.find("k1") == KEY
    await story.reopen()
    log = story.log
    assert await log.api_keys.find("k1") == KEY
    assert await log.api_keys.remove("user_ada", "k1")
    assert not await log.api_keys.remove("user_ada", "k1")
    assert await log.api_keys.find("k1") is None


async def test_the_keys_of_an_owner_are_listed_by_their_names_and_removed_by_nobody_else(keys: Any) -> None:
    for name in ("b", "A", "a"):
        await keys.add(named(name), 9)
    await keys.add(named("other", "user_bob"), 9)
    assert [key.name for key in await keys.of("user_ada")] == ["A", "a", "b"]
    assert await keys.of("user_bob") == [named("other", "user_bob")]
    assert await keys.of("") == []
    assert not await keys.remove("user_bob", "user_ada-a")
    assert not await keys.remove("", "user_ada-a")
    assert await keys.find("user_ada-a") == named("a")


async def test_two_keys_of_an_owner_have_two_names_and_there_are_no_more_than_the_bound(keys: Any) -> None:
    assert sorted(await asyncio.gather(*(keys.add(named("one"), 3) for _ in range(1)))) == ["added"]
    twice = replace(named("one"), key_id="again")
    assert await keys.add(twice, 3) == "named"
    assert await keys.find("again") is None
    assert await keys.add(named("one", "user_bob"), 3) == "added"
    at_once = await asyncio.gather(*(keys.add(named(f"n{n}"), 3) for n in range(6)))
    assert sorted(at_once) == ["added"] * 2 + ["full"] * 4
    assert await keys.add(twice, 3) == "named"  # which is what its user can mend


async def test_the_last_use_is_kept_and_an_earlier_one_does_not_take_its_place(keys: Any) -> None:
    await keys.add(KEY, 9)
    await keys.used("user_ada", "k1", START_MS + 5)
    await keys.used("user_ada", "k1", START_MS + 4)
    await keys.used("user_bob", "k1", START_MS + 9)
    await keys.used("user_ada", "absent", START_MS + 9)
    assert await keys.find("k1") == replace(KEY, used_ms=START_MS + 5)


async def test_keys_go_with_their_owner(story: StoryOverAnAdapter, keys: Any) -> None:
    await keys.add(named("a"), 9)
    await keys.add(named("b", "user_bob"), 9)
    await story.log.delete_owner("user_ada")
    assert await keys.find("user_ada-a") is None
    assert await keys.of("user_bob") == [named("b", "user_bob")]
