import pytest

from netra_backend.app.core.errors import LimitRefused
from netra_backend.app.web.http.anonymous_rate_limit import AnonymousRateLimit, site_of


@pytest.mark.validation_point("limit.anonymous")
def test_an_address_that_asks_too_much_is_refused_until_it_has_waited() -> None:
    rate_limit = AnonymousRateLimit(rate=2.0, burst=2)
    rate_limit.take("192.0.2.1", 0)
    rate_limit.take("192.0.2.1", 0)
    with pytest.raises(LimitRefused) as caught:
        rate_limit.take("192.0.2.1", 0)
    assert caught.value.retry_after_ms == 500
    rate_limit.take("192.0.2.1", 0.5)


def test_addresses_do_not_pay_for_each_other() -> None:
    rate_limit = AnonymousRateLimit(rate=1.0, burst=1)
    for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1", ""):
        rate_limit.take(address, 0)


def test_only_so_many_addresses_are_remembered_and_the_busy_ones_longest() -> None:
    rate_limit = AnonymousRateLimit(rate=1.0, burst=2, addresses=2)
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
