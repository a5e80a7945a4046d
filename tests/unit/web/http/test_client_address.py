"""Where a request came from: what a proxy says counts only from proxies that the operator trusts."""

from __future__ import annotations

import pytest

from netra_backend.app.core.settings_values import networks
from netra_backend.app.web.http.client_address import client_address

TRUSTED = networks("10.0.0.0/8, fd00::/8, 127.0.0.1")


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.1, 10.1.2.3", "198.51.100.1"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("127.0.0.1", "10.0.0.1, 10.0.0.2", "10.0.0.1"),
        ("127.0.0.1", "6.6.6.6, not an address", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", ", ".join(["6.6.6.6", *["10.0.0.1"] * 40]), "10.0.0.1"),
        ("a socket file", "198.51.100.1", "a socket file"),
    ],
)
def test_the_nearest_address_that_is_no_trusted_proxys_counts(peer: str, forwarded: str | None, address: str) -> None:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded is not None else []
    assert client_address({"client": (peer, 1), "headers": headers}, TRUSTED) == address


def test_several_lines_are_one_list_in_their_order() -> None:
    lines = [
        (b"x-forwarded-for", b"6.6.6.6"),
        (b"x-real-ip", b"7.7.7.7"),
        (b"X-Forwarded-For", b"198.51.100.1, 10.1.2.3"),
    ]
    assert client_address({"client": ("127.0.0.1", 1), "headers": lines}, TRUSTED) == "198.51.100.1"


def test_nobody_is_trusted_where_nobody_is_named() -> None:
    scope = {"client": ("127.0.0.1", 1), "headers": [(b"x-forwarded-for", b"6.6.6.6")]}
    assert client_address(scope, ()) == "127.0.0.1"


def test_a_request_without_a_peer_has_no_address() -> None:
    assert client_address({"client": None, "headers": [(b"x-forwarded-for", b"6.6.6.6")]}, TRUSTED) == ""
