"""Which addresses outbound calls may reach: public ones, and those that the operator names."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from .settings_values import Network

Address = IPv4Address | IPv6Address

_URL_CHARACTERS: Final = 2_048

_NOT_PUBLIC: Final = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
            "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
            "224.0.0.0/4", "240.0.0.0/4",
            "168.63.129.16/32",  # a public number, by which a cloud's machines reach what knows their secrets
            "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48",
        ),
    )
)  # fmt: skip
"""Special addresses (the registries of RFC 6890) among those that look public: private ones, links, metadata of clouds,
tunnels that carry another address, examples, groups."""

_UNICAST: Final = IPv6Network("2000::/3")
"""All public addresses of IPv6. Outside of it are mapped ones of IPv4 (``::ffff:0:0/96``), NAT64 (``64:ff9b::/96``),
links, and unique local ones."""


def is_allowed(address: Address, networks: Iterable[Network]) -> bool:
    """Whether an outbound call may reach it. ``networks`` are those that the operator names; an address is in one as it is
    written, so one of IPv4 that is mapped to IPv6 is in none of IPv4."""
    if any(address in network for network in networks):
        return True
    if isinstance(address, IPv6Address) and (address not in _UNICAST or address.scope_id is not None):
        return False
    return not any(address in network for network in _NOT_PUBLIC)


def address_of(text: str) -> Address | None:
    """The address that a text is; ``None`` if it is a name."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def is_web_address(url: str) -> bool:
    """Whether it can be an address of a server; which one is reached is judged when it is called."""
    if (
        not 0 < len(url) <= _URL_CHARACTERS
        or not url.isascii()
        or not url.isprintable()
        or set(' \\"<>^`{|}') & set(url)
    ):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in ("https", "http")
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and port != 0
        and "#" not in url
    )
