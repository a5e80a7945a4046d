"""Which addresses outbound calls may reach."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from netra_backend.app.core.egress import address_of, is_allowed, is_web_address

REFUSED = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.0.1", "198.18.0.1", "198.51.100.7",
    "203.0.113.9", "224.0.0.1", "239.255.255.250", "255.255.255.255", "168.63.129.16", "::", "::1", "::ffff:10.0.0.1",
    "::ffff:127.0.0.1", "::ffff:93.184.216.34", "::10.0.0.1", "64:ff9b::a00:1", "64:ff9b::7f00:1", "64:ff9b:1::1",
    "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1",
    "fe80::1%eth0", "ff02::1", "2620:4f:8000::1", "2a00:1450::1%eth0",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "223.255.255.255", "2606:4700::1111",
    "2a00:1450:4001::200e",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_public_is_not_reached(text: str) -> None:
    address = address_of(text)
    assert address is not None
    assert not is_allowed(address, ())


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_reached(text: str) -> None:
    address = address_of(text)
    assert address is not None
    assert is_allowed(address, ())


def test_the_operators_networks_are_reached_as_they_are_written_and_nothing_beside_them() -> None:
    networks = (ip_network("127.0.0.0/8"), ip_network("fd00::/8"))
    asked = ("127.0.0.2", "fd00::7", "10.0.0.1", "::ffff:127.0.0.1")
    told = {text: is_allowed(ip_address(text), networks) for text in asked}
    assert told == {"127.0.0.2": True, "fd00::7": True, "10.0.0.1": False, "::ffff:127.0.0.1": False}


def test_a_name_is_no_address() -> None:
    assert [address_of(text) for text in ("localhost", "", "0x7f000001", "2130706433", "127.1", "010.0.0.1")] == [
        None
    ] * 6


@pytest.mark.parametrize("url", ["https://mcp.invalid", "http://127.0.0.1:8000/mcp?key=x", "https://[2606::1]/mcp"])
def test_an_address_of_a_server_is_one(url: str) -> None:
    assert is_web_address(url)


@pytest.mark.parametrize(
    "url",
    [
        "", "mcp.invalid", "ftp://mcp.invalid/", "https://", "https://user@mcp.invalid/", "https://mcp.invalid/#", "https://[::1/",
        "https://mcp.invalid:0/", "https://mcp.invalid:99999/", "https://mcp.invalid/a b", "https://mcp.invalid/\r\nX: y",
        "https://mcp.\u00efnvalid/", "https://mcp.invalid\\@evil.invalid/", "https://mcp.invalid/" + "a" * 2_048,
        "javascript:alert(1)",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_server_is_none(url: str) -> None:
    assert not is_web_address(url)
