"""Requests and handshakes of nobody known, counted by address: of endpoints that are open to anybody, and with credentials
that do not hold; and WebSockets that wait for a token.

Who is signed in is counted by user and never here, so that people behind one address do not pay for each other; what they
share is only what they ask without a token. Memory is bounded: of many addresses the one that asked the longest ago is forgotten.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from ...core import validation
from ...core.errors import LimitRefused
from ...core.limits import Limits
from ...core.token_bucket import TokenBucket

GiveWay = Callable[[LimitRefused], None]
"""Ends a WebSocket whose place is another's."""

_SITE_BITS: Final = 64
"""One customer has at least so much of IPv6 to pick addresses from."""


class AnonymousRateLimit:
    """How much each address has asked lately, and how many of its WebSockets wait for a token."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()
        self._sockets: dict[str, dict[GiveWay, None]] = {}
        self._waiting: OrderedDict[GiveWay, tuple[str, float]] = OrderedDict()

    @property
    def sockets(self) -> int:
        """WebSockets that wait for a token."""
        return len(self._waiting)

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

    def add_socket(self, address: str, give_way: GiveWay, now: float) -> None:
        """A WebSocket waits for its token; ``drop_socket`` when it has come, or the socket is gone. If all places are taken, the
        oldest one of the address that has the most gives way to an address that has fewer; and if there is none, the oldest
        of all, once it has had ``anonymous_place_s`` to say its token. Who gave way is dropped already.

        Raises ``LimitRefused`` (``rate_limited``).
        """
        site = site_of(address)
        try:
            self._check_sockets(len(self._sockets.get(site, ())))
        except LimitRefused as refusal:
            self._make_way(site, now, refusal)
        self._sockets.setdefault(site, {})[give_way] = None
        self._waiting[give_way] = (site, now)

    def drop_socket(self, address: str, give_way: GiveWay) -> None:
        """This one does not wait any more."""
        self._drop(site_of(address), give_way)

    def _drop(self, site: str, give_way: GiveWay) -> None:
        of_site = self._sockets[site]
        del of_site[give_way], self._waiting[give_way]
        if not of_site:
            del self._sockets[site]

    def _check_sockets(self, of_site: int) -> None:
        if of_site >= self._limits.anonymous_sockets or self.sockets >= self._limits.process_anonymous_sockets:
            raise LimitRefused(
                "Too many connections wait for a token.",
                retry_after_ms=1000,
                hint="Send the token with the handshake, or close other connections first.",
                point=validation.ANONYMOUS_SOCKETS,
            )

    def _make_way(self, site: str, now: float, refusal: LimitRefused) -> None:
        """End one for a socket of this address. Raises the refusal if there is none that it is more entitled than."""
        has = len(self._sockets.get(site, ()))
        if has >= self._limits.anonymous_sockets:
            raise refusal
        loser = max(self._sockets, key=lambda each: len(self._sockets[each]))
        give_way = next(iter(self._sockets[loser]))
        if len(self._sockets[loser]) < has + 2:
            give_way = next(iter(self._waiting))
            loser, since = self._waiting[give_way]
            if now - since < self._limits.anonymous_place_s:
                raise refusal
        self._drop(loser, give_way)
        give_way(refusal)


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
