"""TCP connections over which nobody has signed in: so many of one address and in all, and never those that users need.

Where there is no room, the one that has waited longest goes, so that who comes is heard (also what asks for health), and who only
holds a place loses it. A proxy that the operator trusts speaks for many and is not counted as one address.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from ...core import validation
from ...core.errors import LimitRefused, Refusal
from ...core.limits import Limits
from ...core.settings_values import Network
from ...core.token_bucket import TokenBucket
from .anonymous_rate_limit import site_of

GUEST: Final = "netra.guest"
"""Where a request's scope (in its ``extensions``) has the ``Guest`` that it came over."""

SENT: Final = "netra.sent"
"""Where it has the coroutine function that returns once the peer has taken what was written, or is gone."""

CUT: Final = "netra.cut"
"""Where it has the function that ends the connection once what was written has left: an answer cannot be ended otherwise."""

REST: Final = "netra.rest"
"""Where a scope has how many seconds its connection is not read after the answer, because its user has asked too much."""

TurnAway = Callable[[Refusal], None]


class Guest:
    """One connection. ``turn_away`` ends it for want of room. Call ``closed`` at its end."""

    __slots__ = ("_all", "_is_open", "is_signed_in", "site", "turn_away")

    def __init__(self, all_of_them: AnonymousConnections, site: str | None, turn_away: TurnAway) -> None:
        self._all = all_of_them
        self._is_open = True
        self.site = site
        """Whom it counts for; ``None``: for nobody, since it comes from a trusted proxy."""
        self.is_signed_in = False
        self.turn_away = turn_away

    def signed_in(self) -> None:
        """Somebody has signed in over it. May be called again."""
        if self._is_open and not self.is_signed_in:
            self.is_signed_in = True
            self._all.forget(self)

    def anonymous_again(self) -> None:
        """What comes next over it must sign in anew."""
        if self._is_open and self.is_signed_in:
            self.is_signed_in = False
            self._all.count(self)

    def rest_s(self, now: float) -> float:
        """A request without a valid sign-in was answered over it: how long it should not be read. Those of an address come back
        one by one, as fast as it may be answered."""
        return self._all.rest_s(self.site, now) if self.site is not None else 0.0

    def closed(self) -> None:
        """It is gone. May be called again."""
        if self._is_open:
            self._is_open = False
            self._all.closed(self)


class AnonymousConnections:
    """The connections of one process. ``most_open`` bounds all of them, those of users too."""

    def __init__(self, limits: Limits, most_open: int, proxies: Sequence[Network] = ()) -> None:
        self._most_open = most_open
        self._most_waiting = min(limits.process_anonymous_connections, max(1, most_open // 2))
        self._most_of_one = min(limits.anonymous_connections, self._most_waiting)
        self._limits = limits
        self._proxies = proxies
        self._waiting: OrderedDict[Guest, None] = OrderedDict()
        self._sites: dict[str, OrderedDict[Guest, None]] = {}
        self._answers: OrderedDict[str, TokenBucket] = OrderedDict()
        self.open = 0
        """All connections, those of users too."""

    @property
    def waiting(self) -> int:
        """Connections over which nobody has signed in."""
        return len(self._waiting)

    def opened(self, address: str, turn_away: TurnAway) -> Guest:
        """A connection from this address. Another one is turned away for it where there is no room.

        Raises ``LimitRefused`` if there is none that could be: all are users'.
        """
        guest = Guest(self, self._site(address), turn_away)
        of_site: Mapping[Guest, None] = self._sites.get(guest.site, {}) if guest.site is not None else {}
        self._make_room(partial(self._check_address, of_site), of_site)
        self._make_room(self._check_waiting, self._waiting)
        self._make_room(self._check_open, self._waiting)
        self.open += 1
        self.count(guest)
        return guest

    def count(self, guest: Guest) -> None:
        """It waits for somebody to sign in."""
        self._waiting[guest] = None
        if guest.site is not None:
            self._sites.setdefault(guest.site, OrderedDict())[guest] = None

    def forget(self, guest: Guest) -> None:
        """It does not wait any more."""
        self._waiting.pop(guest, None)
        of_site = self._sites.get(guest.site) if guest.site is not None else None
        if of_site is not None:
            of_site.pop(guest, None)
            if not of_site and guest.site is not None:
                del self._sites[guest.site]

    def closed(self, guest: Guest) -> None:
        """It is gone."""
        self.open -= 1
        self.forget(guest)

    def rest_s(self, site: str, now: float) -> float:
        """See ``Guest.rest_s``."""
        limits = self._limits
        bucket = self._answers.get(site)
        if bucket is None:
            bucket = self._answers[site] = TokenBucket(limits.anonymous_answer_rate, limits.anonymous_answer_burst, now)
            if len(self._answers) > limits.anonymous_addresses:
                self._answers.popitem(last=False)
        else:
            self._answers.move_to_end(site)
        wait_s = bucket.borrow(1, now, limits.rest_s)
        return limits.rest_s if wait_s is None else wait_s

    def _make_room(self, check: Callable[[], None], guests: Mapping[Guest, None]) -> None:
        """If the check says that there is no room, turn away the first of these guests. Raises what it says if there is none."""
        try:
            check()
        except LimitRefused as refusal:
            if not guests:
                raise
            self._turn_away(next(iter(guests)), refusal)

    def _check_address(self, of_site: Mapping[Guest, None]) -> None:
        if len(of_site) >= self._most_of_one:
            raise LimitRefused(
                "Too many connections from this address without a sign-in.",
                retry_after_ms=1000,
                point=validation.ANONYMOUS_ADDRESS,
            )

    def _check_waiting(self) -> None:
        if len(self._waiting) >= self._most_waiting:
            raise LimitRefused(
                "Too many connections without a sign-in.", retry_after_ms=1000, point=validation.ANONYMOUS_CONNECTIONS
            )

    def _check_open(self) -> None:
        if self.open >= self._most_open:
            raise LimitRefused(
                "The server has no room for another connection.", retry_after_ms=1000, point=validation.OPEN_CONNECTIONS
            )

    def _turn_away(self, guest: Guest, refusal: Refusal) -> None:
        guest.closed()
        guest.turn_away(refusal)

    def _site(self, address: str) -> str | None:
        if self._proxies and address:
            try:
                parsed = ipaddress.ip_address(address)
            except ValueError:
                return site_of(address)
            if any(parsed in network for network in self._proxies):
                return None
        return site_of(address)
