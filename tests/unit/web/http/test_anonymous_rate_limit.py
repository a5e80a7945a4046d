import pytest

from netra_backend.app.core.errors import LimitRefused
from netra_backend.app.core.limits import Limits
from netra_backend.app.web.http.anonymous_rate_limit import AnonymousRateLimit, GiveWay, site_of


def limited(rate: float, burst: int, addresses: int = 100, **sockets: int) -> AnonymousRateLimit:
    return AnonymousRateLimit(
        Limits(anonymous_rate=rate, anonymous_burst=burst, anonymous_addresses=addresses, **sockets)
    )


def test_who_signs_in_gets_back_what_was_counted() -> None:
    rate_limit = limited(0.01, 1)
    for _ in range(3):
        rate_limit.take("192.0.2.1", 0)
        rate_limit.give_back("192.0.2.1")
    rate_limit.give_back("192.0.2.9")
    rate_limit.take("192.0.2.1", 0)
    with pytest.raises(LimitRefused):
        rate_limit.take("192.0.2.1", 0)


@pytest.mark.validation_point("anonymous.sockets")
def test_sockets_that_wait_for_a_token_are_bounded_for_one_address_and_in_all() -> None:
    rate_limit = limited(1.0, 1, anonymous_sockets=2, process_anonymous_sockets=3)
    sockets = Sockets(rate_limit)
    sockets.add("2001:db8::1", "2001:db8::2")
    with pytest.raises(LimitRefused) as refused:
        sockets.add("2001:db8::3")
    assert (refused.value.entry.status, refused.value.retry_after_ms) == (429, 1000)
    sockets.add("192.0.2.1", "192.0.2.2")
    assert sockets.given_way == ["2001:db8::1"]
    with pytest.raises(LimitRefused):
        sockets.add("192.0.2.3")
    for address in ("2001:db8::2", "192.0.2.1", "192.0.2.2"):
        sockets.drop(address)
    assert (rate_limit.sockets, rate_limit._sockets) == (0, {})


def test_ten_addresses_that_have_taken_all_places_keep_no_newcomer_out() -> None:
    rate_limit = limited(1.0, 1, anonymous_sockets=100, process_anonymous_sockets=1_000)
    sockets = Sockets(rate_limit)
    sockets.add(*(f"192.0.2.{number % 10}" for number in range(1_000)))
    sockets.add(*(f"198.51.100.{number}" for number in range(200)))
    assert rate_limit.sockets == 1_000
    assert len(sockets.given_way) == 200
    assert not any(address.startswith("198") for address in sockets.given_way)
    assert {sockets.given_way.count(f"192.0.2.{number}") for number in range(10)} == {20}


@pytest.mark.validation_point("anonymous.sockets")
def test_silent_sockets_of_as_many_addresses_keep_no_newcomer_out_for_longer_than_a_moment() -> None:
    rate_limit = limited(1.0, 1, anonymous_sockets=2, process_anonymous_sockets=1_000)
    sockets = Sockets(rate_limit)
    sockets.add(*(f"198.51.{number % 200}.{number // 200}" for number in range(1_000)))
    sockets.now = 0.9
    with pytest.raises(LimitRefused):
        sockets.add("192.0.2.1")
    sockets.now = 1.0
    sockets.add("192.0.2.1", "192.0.2.2")
    assert sockets.given_way == ["198.51.0.0", "198.51.1.0"]
    assert rate_limit.sockets == 1_000


class Sockets:
    """Sockets that wait, by address, and the addresses of those that gave way."""

    def __init__(self, rate_limit: AnonymousRateLimit) -> None:
        self.rate_limit = rate_limit
        self.waiting: dict[str, list[GiveWay]] = {}
        self.now = 0.0
        self.given_way: list[str] = []

    def add(self, *addresses: str) -> None:
        for address in addresses:

            def give_way(_: LimitRefused, address: str = address) -> None:
                self.given_way.append(address)

            self.rate_limit.add_socket(address, give_way, self.now)
            self.waiting.setdefault(address, []).append(give_way)

    def drop(self, address: str) -> None:
        self.rate_limit.drop_socket(address, self.waiting[address].pop())


@pytest.mark.validation_point("limit.anonymous")
def test_an_address_that_asks_too_much_is_refused_until_it_has_waited() -> None:
    rate_limit = limited(2.0, 2)
    rate_limit.take("192.0.2.1", 0)
    rate_limit.take("192.0.2.1", 0)
    with pytest.raises(LimitRefused) as caught:
        rate_limit.take("192.0.2.1", 0)
    assert caught.value.retry_after_ms == 500
    rate_limit.take("192.0.2.1", 0.5)


def test_addresses_do_not_pay_for_each_other() -> None:
    rate_limit = limited(1.0, 1)
    for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1", ""):
        rate_limit.take(address, 0)


def test_only_so_many_addresses_are_remembered_and_the_busy_ones_longest() -> None:
    rate_limit = limited(1.0, 2, addresses=2)
    rate_limit.take("192.0.2.1", 0)
    rate_limit.take("192.0.2.2", 0)
    rate_limit.take("192.0.2.1", 0)
    rate_limit.take("192.0.2.3", 0)
    assert len(rate_limit) == 2
    with pytest.raises(LimitRefused):
        rate_limit.take("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("testclient", ""),
    ],
)
def test_an_address_counts_for_its_customer(address: str, site: str) -> None:
    assert site_of(address) == site
