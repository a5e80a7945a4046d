"""Addresses as the driver wants them."""

from __future__ import annotations

import pytest

from netra_backend.app.adapters.redis.url import driver_url


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("valkey://:secret@host:6379/1", "redis://:secret@host:6379/1"),
        ("valkeys://host", "rediss://host"),
        ("redis://host", "redis://host"),
        ("rediss://host?ssl_cert_reqs=none", "rediss://host?ssl_cert_reqs=none"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
    ],
)
def test_an_address_of_valkey_is_one_of_redis_to_the_driver(given: str, wanted: str) -> None:
    assert driver_url(given) == wanted
