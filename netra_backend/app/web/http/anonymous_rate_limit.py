"""Requests and handshakes of nobody known, counted by address: of endpoints that are open to anybody, and with credentials
that do not hold; and WebSockets that wait for a token.

Who is signed in is counted by user and never here, so that people behind one address do not pay for each other; what they
share is only what they ask without a token. Memory is bounded: of many addresses the one that asked the longest ago is forgotten.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import Final

from ...core import validation
from ...core.errors import LimitRefused
from ...core.limits import Limits
from ...core.token_bucket import TokenBucket

_SITE_BITS: Final = 64
"""One customer has at least so much of IPv6 to pick addresses from."""


class AnonymousRateLimit:
    """How much each address has asked lately, and how many of its WebSockets wait for a token."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()
        self._sockets: dict[str, int] = {}
        self.sockets = 0
        """WebSockets that wait for a token."""

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, address: str, now: float) -> None:
        """Count one request or handshake. Raises ``LimitRefused`` (``rate_limited``)."""
        site = site_of(address)
        bucket = self._buckets.get(site)
        if bucket is None:
            bucket = self._buckets[site] = TokenBucket(self._limits.anonymous_rate, self._limits.anonymous_burst, now)
            if len(self._buckets) > self._limits.anonymous_addresses:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(site)
        if not bucket.take(now):
            raise LimitRefused(
                "Too many requests from this address without a valid sign-in.",
                retry_after_ms=bucket.wait_ms(),
                point=validation.LIMIT_ANONYMOUS,
            )

    def give_back(self, address: str) -> None:
        """What was counted turned out to be somebody who signed in."""
        bucket = self._buckets.get(site_of(address))
        if bucket is not None:
            bucket.give_back()

    def add_socket(self, address: str) -> None:
        """A WebSocket waits for its token; ``drop_socket`` when it has come, or the socket is gone. Raises ``LimitRefused``
        (``rate_limited``)."""
        site = site_of(address)
        of_site = self._sockets.get(site, 0)
        if of_site >= self._limits.anonymous_sockets or self.sockets >= self._limits.process_anonymous_sockets:
            raise LimitRefused(
                "Too many connections wait for a token.",
                retry_after_ms=1000,
                hint="Send the token with the handshake, or close other connections first.",
                point=validation.ANONYMOUS_SOCKETS,
            )
        self._sockets[site] = of_site + 1
        self.sockets += 1

    def drop_socket(self, address: str) -> None:
        """One less waits."""
        site = site_of(address)
        self.sockets -= 1
        left = self._sockets[site] - 1
        if left:
            self._sockets[site] = left
        else:
            del self._sockets[site]


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
