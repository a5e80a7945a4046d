"""Connections without a sign-in: so many, and the oldest goes where there is no room."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_network
from typing import Any

import pytest

from netra_backend.app.core.errors import LimitRefused
from netra_backend.app.core.limits import Limits
from netra_backend.app.web.http.anonymous_connections import AnonymousConnections, Guest


class Room:
    """Connections by name, and who was turned away by which point."""

    def __init__(self, most_open: int = 100, proxies: Any = (), **limits: Any) -> None:
        self.all = AnonymousConnections(Limits(**limits), most_open, proxies)
        self.gone: list[tuple[str, str]] = []

    def open(self, name: str, address: str = "192.0.2.1") -> Guest:
        def turned_away(name: str, refusal: Any) -> None:
            self.gone.append((name, refusal.point.id))

        return self.all.opened(address, partial(turned_away, name))


@pytest.mark.validation_point("anonymous.address")
def test_of_one_address_the_oldest_goes_and_others_stay() -> None:
    room = Room(anonymous_connections=2)
    for name, address in (("a", "2001:db8::1"), ("other", "192.0.2.7"), ("b", "2001:db8::2"), ("c", "2001:db8::3")):
        room.open(name, address)
    assert room.gone == [("a", "anonymous.address")]
    assert (room.all.open, room.all.waiting) == (3, 3)


@pytest.mark.validation_point("anonymous.connections")
def test_in_all_the_oldest_goes_and_who_has_signed_in_stays() -> None:
    room = Room(process_anonymous_connections=2)
    user = room.open("user", "192.0.2.1")
    user.signed_in()
    user.signed_in()
    for at in range(4):
        room.open(str(at), f"192.0.2.{at + 2}")
    assert room.gone == [("0", "anonymous.connections"), ("1", "anonymous.connections")]
    assert (room.all.open, room.all.waiting) == (3, 2)


@pytest.mark.validation_point("connections.open")
def test_where_users_have_all_the_room_nobody_is_let_in_and_a_stranger_goes_first() -> None:
    room = Room(most_open=4)
    users = []
    for at in range(3):
        users.append(room.open(str(at)))
        users[-1].signed_in()
    room.open("stranger")
    room.open("third").signed_in()
    assert room.gone == [("stranger", "connections.open")]
    with pytest.raises(LimitRefused, match="no room"):
        room.open("fourth")
    users[0].closed()
    users[0].closed()
    room.open("fourth")
    assert room.all.open == 4


def test_strangers_have_at_most_half_of_all_room() -> None:
    room = Room(most_open=10)
    for at in range(20):
        room.open(str(at), f"192.0.2.{at}")
    assert (room.all.open, room.all.waiting) == (5, 5)


def test_a_connection_that_asks_again_must_sign_in_anew() -> None:
    room = Room()
    guest = room.open("a")
    guest.anonymous_again()
    assert room.all.waiting == 1
    guest.signed_in()
    assert room.all.waiting == 0
    guest.anonymous_again()
    assert room.all.waiting == 1
    guest.closed()
    guest.signed_in()
    guest.anonymous_again()
    assert (room.all.open, room.all.waiting, room.all._sites) == (0, 0, {})


def test_a_trusted_proxy_is_not_counted_as_one_address() -> None:
    room = Room(proxies=(ip_network("10.0.0.0/8"),), anonymous_connections=1)
    for name in ("a", "b"):
        room.open(name, "10.1.2.3")
    room.open("c", "not an address")
    assert room.gone == []
    room.open("d", "192.0.2.1")
    room.open("e", "192.0.2.1")
    assert room.gone == [("d", "anonymous.address")]


def test_of_an_address_that_was_answered_too_much_connections_rest_and_come_back_one_by_one() -> None:
    room = Room(anonymous_answer_rate=10, anonymous_answer_burst=2, rest_s=1)
    guests = [room.open(str(at)) for at in range(5)]
    assert [round(guest.rest_s(0.0), 3) for guest in guests] == [0, 0, 0.1, 0.2, 0.3]
    assert room.open("other", "192.0.2.2").rest_s(0.0) == 0
    assert guests[0].rest_s(10.0) == 0


def test_no_connection_rests_longer_than_the_longest_rest() -> None:
    room = Room(anonymous_answer_rate=10, anonymous_answer_burst=1, rest_s=1)
    guest = room.open("a")
    assert max(guest.rest_s(0.0) for _ in range(50)) == 1
    assert round(guest.rest_s(1.0), 3) == 0.1


def test_of_addresses_the_one_that_was_answered_the_longest_ago_is_forgotten() -> None:
    room = Room(anonymous_addresses=2, anonymous_answer_burst=1)
    guests = [room.open(str(at), f"192.0.2.{at}") for at in range(3)]
    for at in (0, 1, 0, 2):
        guests[at].rest_s(0.0)
    assert [guests[at].rest_s(0.0) > 0 for at in (0, 2, 1)] == [True, True, False]


def test_a_proxy_that_speaks_for_many_never_rests() -> None:
    room = Room(proxies=[ip_network("192.0.2.0/24")], anonymous_answer_burst=1)
    guest = room.open("proxy")
    assert [guest.rest_s(0.0) for _ in range(3)] == [0, 0, 0]
