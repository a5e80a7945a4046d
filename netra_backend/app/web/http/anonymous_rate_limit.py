"""Requests of nobody known, counted by address: of endpoints that are open to anybody, and with credentials that do not hold.

Who is signed in is counted by user and never here, so that people behind one address do not pay for each other; what they
share is only what they ask without a token. Memory is bounded: of many addresses the one that asked the longest ago is forgotten.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import Final

from ...core import validation
from ...core.errors import LimitRefused
from ...core.limits import TokenBucket

RATE: Final = 20.0
"""Requests a second of one address."""

BURST: Final = 500
ADDRESSES: Final = 10_000
_SITE_BITS: Final = 64
"""One customer has at least so much of IPv6 to pick addresses from."""


class AnonymousRateLimit:
    """How much each address has asked lately."""

    def __init__(self, *, rate: float = RATE, burst: int = BURST, addresses: int = ADDRESSES) -> None:
        self._rate = rate
        self._burst = burst
        self._most = addresses
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, address: str, now: float) -> None:
        """Count one request. Raises ``LimitRefused`` (``rate_limited``)."""
        site = site_of(address)
        bucket = self._buckets.get(site)
        if bucket is None:
            bucket = self._buckets[site] = TokenBucket(self._rate, self._burst, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(site)
        if not bucket.take(now):
            raise LimitRefused(
                "Too many requests from this address without a valid sign-in.",
                retry_after_ms=bucket.wait_ms(),
                point=validation.LIMIT_ANONYMOUS,
            )


def site_of(address: str) -> str:
    """Whom an address counts for: itself, or in IPv6 the network of one customer."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""  # a local socket, or a server that does not tell
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((parsed, _SITE_BITS), strict=False))
    return str(parsed)
