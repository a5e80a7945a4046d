"""Stores are crashed and brought back, and each process finds Valkey at the end of its own cable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from test_framework.chaos.stores import Stores


@dataclass
class FakeService:
    url: str
    did: list[str] = field(default_factory=list)

    def kill(self) -> None:
        self.did.append("kill")

    def restart(self) -> None:
        self.did.append("restart")


@dataclass
class FakeLink:
    port: int


@pytest.fixture
def services() -> tuple[FakeService, FakeService]:
    return FakeService("postgresql://127.0.0.1:1"), FakeService("redis://:secret@127.0.0.1:2/3")


@pytest.fixture
def stores(services: Any) -> Stores:
    database, valkey = services
    return Stores(database, valkey, "postgresql://server@127.0.0.1:1/netra", "postgresql://admin@127.0.0.1:1/netra")


def test_each_process_finds_valkey_at_the_end_of_its_own_cable(stores: Stores) -> None:
    stores.links += [FakeLink(11), FakeLink(12)]  # type: ignore[list-item]  # fakes
    assert [stores.redis_url(number) for number in (0, 1)] == [
        "redis://:secret@127.0.0.1:11/3",
        "redis://:secret@127.0.0.1:12/3",
    ]


async def test_what_is_crashed_is_killed_and_comes_back_and_the_other_is_left_alone(
    stores: Stores, services: tuple[FakeService, FakeService]
) -> None:
    database, valkey = services
    await stores.crash_database(0)
    assert (database.did, valkey.did) == (["kill", "restart"], [])
    await stores.crash_valkey(0)
    assert (database.did, valkey.did) == (["kill", "restart"], ["kill", "restart"])
