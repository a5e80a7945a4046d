"""Where a request came from, for logs and the audit trail: a proxy counts only if the operator trusts it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request

from ...core.settings_values import Network
from ...services.credentials import joined_header

_MAX_HOPS: Final = 32
ADDRESS: Final = "netra.address"
"""Where a request's scope holds its client's address, once the router knows it."""


def address_of(request: Request) -> str:
    """The address of the client whose request is handled."""
    return str(request.scope.get(ADDRESS, ""))


def client_address(scope: Mapping[str, Any], trusted: Sequence[Network]) -> str:
    """The nearest address that is not a trusted proxy's; nothing where none is known.

    ``X-Forwarded-For`` (all its lines as one list) is read from its end, because the client can write anything at its beginning.
    """
    client = scope.get("client")
    address = str(client[0]) if client else ""
    hops = joined_header(scope, b"x-forwarded-for").split(",")[-_MAX_HOPS:]
    while hops and _is_trusted(address, trusted):
        hop = hops.pop().strip()
        if _parsed(hop) is None:
            break
        address = hop
    return address


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in trusted)


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None
