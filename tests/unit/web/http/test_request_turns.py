"""Requests begin in turn: a few in each turn of the loop, of each user and address as many."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from netra_backend.app.core.limits import Limits
from netra_backend.app.web.http.request_turns import RequestTurns


class Loop:
    """Does what it is asked to one turn after the other."""

    def __init__(self) -> None:
        self._soon: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[..., None], *arguments: Any) -> None:
        self._soon.append(lambda: callback(*arguments))

    def turn(self) -> None:
        soon, self._soon = self._soon, []
        for each in soon:
            each()

    @property
    def is_idle(self) -> bool:
        return not self._soon


class Requests:
    """Requests by name, and which have begun."""

    def __init__(self, *proxies: str, **limits: int) -> None:
        self.turns = RequestTurns(Limits(**limits), [ip_network(each) for each in proxies])
        self.loop: Any = Loop()
        self.begun: list[str] = []
        self.waiting: dict[str, Any] = {}

    def come(self, name: str, address: str = "192.0.2.1", path: str = "/api/me", **headers: str) -> None:
        sent = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
        scope = {"client": (address, 1), "path": path, "root_path": "", "headers": sent}
        request = _Request(name, self.begun)
        if self.turns.take(request, scope, self.loop):
            request.begin()
        else:
            self.waiting[name] = request

    def signed_in(self, user_id: str, token: str) -> None:
        self.turns.signed_in([(b"host", b"x"), (b"authorization", b"Bearer " + token.encode())], user_id)

    def all_begun(self, turns: int = 30) -> list[str]:
        for _ in range(turns):
            self.loop.turn()
        assert len(self.turns) == 0
        assert self.loop.is_idle
        return self.begun


class _Request:
    def __init__(self, name: str, begun: list[str]) -> None:
        self._name = name
        self._begun = begun

    def begin(self) -> None:
        self._begun.append(self._name)


def test_so_many_begin_at_once_and_no_more_in_any_later_turn() -> None:
    requests = Requests(requests_a_turn=2)
    for at in range(9):
        requests.come(str(at))
    seen = [len(requests.begun)]
    while len(requests.turns):
        requests.loop.turn()
        seen.append(len(requests.begun))
    assert seen == [2, 2, 4, 6, 8]
    assert requests.all_begun() == list("012345678")


def test_in_a_later_turn_the_next_ones_begin_at_once_again() -> None:
    requests = Requests(requests_a_turn=1)
    for name in "ab":
        requests.come(name)
        requests.loop.turn()
    assert requests.begun == ["a", "b"]


def test_who_comes_while_others_wait_does_not_overtake_them() -> None:
    requests = Requests(requests_a_turn=1)
    for name in "abc":
        requests.come(name)
    requests.loop.turn()
    requests.come("d")
    assert requests.all_begun() == list("abcd")


def test_addresses_begin_in_turn() -> None:
    requests = Requests(requests_a_turn=1)
    for at in range(4):
        requests.come(f"flood {at}", "192.0.2.1")
    requests.come("other", "192.0.2.2")
    assert requests.all_begun()[:3] == ["flood 0", "flood 1", "other"]


def test_addresses_behind_a_trusted_proxy_begin_in_turn() -> None:
    requests = Requests("192.0.2.0/24", requests_a_turn=1)
    for at in range(4):
        requests.come(f"flood {at}", x_forwarded_for="198.51.100.1")
    requests.come("other", x_forwarded_for="198.51.100.2")
    assert requests.all_begun()[:3] == ["flood 0", "flood 1", "other"]


def test_users_and_probes_do_not_wait_for_strangers_of_their_address() -> None:
    requests = Requests(requests_a_turn=1)
    requests.signed_in("user_1", "known")
    for at in range(4):
        requests.come(f"flood {at}")
    requests.come("probe", path="/healthz")
    requests.come("user", authorization="Bearer known")
    assert requests.all_begun()[:4] == ["flood 0", "user", "probe", "flood 1"]


def test_who_brings_a_token_does_not_wait_for_those_of_the_address_who_bring_none() -> None:
    requests = Requests(requests_a_turn=1)
    for at in range(4):
        requests.come(f"flood {at}")
    requests.come("new user", authorization="Bearer new")
    assert requests.all_begun()[:3] == ["flood 0", "flood 1", "new user"]


def test_users_begin_in_turn_wherever_their_token_stands() -> None:
    requests = Requests(requests_a_turn=1)
    requests.signed_in("user_1", "one")
    requests.signed_in("user_2", "two")
    for at in range(4):
        requests.come(f"flood {at}", authorization="Bearer one")
    requests.come("handshake", sec_websocket_protocol="netra.v1, bearer.two, x")
    assert requests.all_begun()[:3] == ["flood 0", "flood 1", "handshake"]


def test_tokens_of_users_are_forgotten_those_that_were_used_least_lately_first() -> None:
    requests = Requests(requests_a_turn=1, anonymous_addresses=2)
    for token in ("a", "b", "a", "c"):
        requests.signed_in(f"user_{token}", token)
    requests.come("first")
    for token in ("b", "a", "c"):
        requests.come(token, authorization=f"Bearer {token}")
    assert requests.all_begun() == ["first", "a", "b", "c"]


def test_who_has_left_does_not_begin() -> None:
    requests = Requests(requests_a_turn=1)
    for name in "abc":
        requests.come(name)
    requests.turns.leave(requests.waiting["b"])
    requests.turns.leave(requests.waiting["b"])
    assert requests.all_begun() == ["a", "c"]


def test_an_api_key_in_a_header_of_its_own_finds_its_users_place_too() -> None:
    requests = Requests(requests_a_turn=1)
    requests.turns.signed_in([(b"x-api-key", b" nk_1 ")], "user_ada")
    requests.come("first")
    for at in range(8):
        requests.come(f"stranger{at}", x_api_key="nk_wrong")
    requests.come("ada", x_api_key="nk_1")
    requests.come("bearer", authorization="Bearer nk_1", x_api_key="nk_other")
    begun = requests.all_begun()
    assert begun.index("ada") < 4
    assert begun.index("bearer") < 6
