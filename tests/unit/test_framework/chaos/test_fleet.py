"""A fleet knows what it still waits for, and tells each user's story."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from random import Random

import pytest

from test_framework.chaos.fleet import Fleet
from test_framework.chaos.framework_script import FRAMEWORKS
from test_framework.simulation.views import View


class Nowhere:
    """A server that is not there."""

    def __init__(self, port: int) -> None:
        self.websocket_url = f"ws://127.0.0.1:{port}"
        self.tokens = 0

    def token(self, user_id: str) -> str:
        self.tokens += 1
        return f"token {self.tokens} of {user_id}"


@pytest.fixture
async def fleet(closed_port: int) -> AsyncIterator[Fleet]:
    fleet = Fleet(3, Nowhere(closed_port), Random(1))
    fleet.send_readers()
    yield fleet
    fleet.leave()


async def test_two_devices_belong_to_each_user(fleet: Fleet) -> None:
    assert [fleet.users.index(device.user) for device in fleet.devices] == [0, 0, 1]


async def test_each_connection_has_a_token_of_its_own_so_that_none_expires_in_a_long_scenario(closed_port: int) -> None:
    servers = Nowhere(closed_port)
    fleet = Fleet(2, servers, Random(1))
    before = servers.tokens
    fleet.open_link(fleet.devices[0]).cut(None)
    fleet.open_link(fleet.devices[0]).cut(None)
    assert servers.tokens == before + 2
    fleet.leave()


async def test_a_request_without_an_answer_is_unrest(fleet: Fleet) -> None:
    fleet.ask(fleet.devices[0])
    (key,) = fleet.users[0].commands
    assert fleet.unrest() == f"{key} has no answer"


@pytest.mark.parametrize(("clients", "share"), [(2, 0.1), (400, 0.03)])
async def test_a_share_of_the_requests_is_for_agents_of_frameworks_and_a_smaller_one_with_many_clients(
    clients: int, share: float, closed_port: int
) -> None:
    fleet = Fleet(clients, Nowhere(closed_port), Random(1))
    for _ in range(3000):
        fleet.ask(fleet.devices[0])
    asked = Counter(command.frame.agent for command in fleet.users[0].commands.values())
    fleet.leave()
    assert set(asked) == {"worker", *FRAMEWORKS}
    assert 1 - asked["worker"] / asked.total() == pytest.approx(share, rel=0.2)


async def test_a_run_that_has_not_ended_is_unrest(fleet: Fleet) -> None:
    fleet.ask(fleet.devices[0])
    ((key, command),) = fleet.users[0].commands.items()
    command.accepted.append((0, "thr_1", "run_1", 1))
    assert fleet.unrest() == f"the run of {key} has not ended"


async def test_a_device_that_is_away_is_unrest_and_what_never_rests_is_a_broken_promise(fleet: Fleet) -> None:
    await fleet.rest(0.0)
    assert fleet.truth.broken == [f"rest: {fleet.devices[0].name} is not connected"]


async def test_a_story_holds_requests_and_what_devices_have_and_had(fleet: Fleet) -> None:
    device = fleet.devices[2]
    fleet.ask(device)
    ((key, command),) = device.user.commands.items()
    command.accepted.append((0, "thr_1", "run_1", 1))
    device.views["thr_1"] = View("thr_1", frames=[b"new"])
    device.archive.append(View("thr_1", frames=[b"old"]))
    _, story = fleet.stories()
    assert story.accepted == {key: {("thr_1", "run_1", 1)}}
    assert [seen.frames for seen in story.seen] == [[b"old"], [b"new"]]
    assert story.final == {}
