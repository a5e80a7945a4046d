"""Whether and when to connect again: a state machine without a clock. What is final is in ``core.client_rules``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..app.core.client_rules import STEADY_S
from .errors import Closed, TokenExpired

FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 5.0
RENEWAL_HINT: Final = (
    "Get a new token and connect again, or pass get_token=… to NetraClient, which then does so by itself."
)


@dataclass(frozen=True, slots=True)
class Wait:
    """Connect again after so many seconds, with a new token if ``renew``."""

    seconds: float
    renew: bool


@dataclass(frozen=True, slots=True)
class End:
    """Do not connect again."""

    error: Closed


class Reconnection:
    """Takes how connections went, with the time in seconds of any one clock.

    Waits double from ``FIRST_WAIT_S`` up to ``LONGEST_WAIT_S``, each between half and one and a half of that (``random`` gives 0
    to 1), so that clients do not come back all at once. A connection that stood for ``STEADY_S`` makes the waits short again.
    ``patience_s`` counts from the last moment with a connection.
    """

    def __init__(self, patience_s: float, now: float, *, can_renew: bool, random: Callable[[], float]) -> None:
        self._patience_s = patience_s
        self._can_renew = can_renew
        self._random = random
        self._since = now
        self._connected_at: float | None = None
        self._wait = FIRST_WAIT_S
        self._asked_s = 0.0

    def connected(self, now: float) -> None:
        """The server said that the connection stands."""
        self._connected_at = now

    def asked(self, retry_after_s: float) -> None:
        """The server asked to wait so long, should it close the connection."""
        self._asked_s = retry_after_s

    def left(self, now: float) -> float:
        """How many seconds of patience are left, at least 0."""
        return max(0.0, self._since + self._patience_s - now)

    def lost(self, why: Closed, now: float) -> Wait | End:
        """There is no connection any more, or there was none."""
        if self._connected_at is not None:
            if now - self._connected_at >= STEADY_S:
                self._wait = FIRST_WAIT_S
            self._since, self._connected_at = now, None
        asked_s, self._asked_s = max(self._asked_s, why.retry_after_s or 0.0), 0.0
        if why.next in ("sign_in", "stop"):
            return End(why)
        if why.next == "renew" and not self._can_renew:
            return End(TokenExpired(RENEWAL_HINT))
        left = self.left(now)
        if left <= 0.0:
            return End(why)
        wait, self._wait = self._wait, min(LONGEST_WAIT_S, self._wait * 2)
        seconds = asked_s + wait * (self._random() if asked_s else 0.5 + self._random())
        return Wait(min(seconds, left), why.next == "renew")
