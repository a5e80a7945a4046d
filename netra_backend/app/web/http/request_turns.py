"""When a request or a handshake begins: only so many in one turn of the loop, however many connections somebody has.

What is too much for one turn waits for the next ones, in three queues: of users, of who is not known, and of probes. From each
the same number begins in a turn; within it, those of each user or address in turn. So a client with a thousand connections
delays others by what begins in one turn.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final, Protocol

from ...core.fair_queue import FairQueue
from ...core.limits import Limits
from ...core.settings_values import Network
from .anonymous_rate_limit import site_of
from .client_address import client_address

HEALTH: Final = "/healthz"
READINESS: Final = "/readyz"
_PROBES: Final = frozenset({HEALTH, READINESS})
_PROTOCOLS: Final = b"sec-websocket-protocol"


class Beginner(Protocol):
    """Who waits for its turn; one thing at a time."""

    def begin(self) -> None:
        """Its turn has come."""


_Queue = FairQueue[Hashable, Beginner]


class RequestTurns:
    """Those of one process. ``proxies`` are those that the operator trusts: they speak for many addresses."""

    def __init__(self, limits: Limits, proxies: Sequence[Network] = ()) -> None:
        self._most = limits.requests_a_turn
        self._most_known = limits.anonymous_addresses
        self._proxies = proxies
        self._left = self._most
        self._is_next_due = False
        self._users, self._strangers, self._probes = _Queue(), _Queue(), _Queue()
        self._waiting: dict[Beginner, tuple[_Queue, Hashable]] = {}
        self._known: OrderedDict[int, str] = OrderedDict()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def take(self, beginner: Beginner, scope: Mapping[str, Any], loop: asyncio.AbstractEventLoop) -> bool:
        """Whether what this scope asks for may begin now. If not, ``beginner.begin`` is called in a later turn, unless it has
        left by then."""
        if self._left > 0 and not self._waiting:
            self._left -= 1
            self._await_next(loop)
            return True
        queue, group = self._place(scope)
        queue.put(group, beginner)
        self._waiting[beginner] = queue, group
        return False

    def leave(self, beginner: Beginner) -> None:
        """It waits no longer, if it did."""
        place = self._waiting.pop(beginner, None)
        if place is not None:
            queue, group = place
            queue.drop(group, beginner)

    def signed_in(self, headers: Sequence[tuple[bytes, bytes]], user_id: str) -> None:
        """A request with these headers was this user's. What has the same token is taken for the same user's, to find its place
        here and for nothing else."""
        token = _token_of(headers)
        if token:
            self._known[hash(token)] = user_id
            self._known.move_to_end(hash(token))
            if len(self._known) > self._most_known:
                self._known.popitem(last=False)

    def _await_next(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._is_next_due:
            self._is_next_due = True
            loop.call_soon(self._next, loop)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """A turn of the loop begins."""
        self._is_next_due = False
        self._left = self._most
        for queue in (self._users, self._probes, self._strangers):
            for _ in range(min(self._most, len(queue))):
                beginner = queue.take()
                del self._waiting[beginner]
                loop.call_soon(beginner.begin)
                self._left = 0
        if not self._left:
            self._await_next(loop)

    def _place(self, scope: Mapping[str, Any]) -> tuple[_Queue, Hashable]:
        token = _token_of(scope["headers"])
        user_id = self._known.get(hash(token)) if token else None
        if user_id is not None:
            return self._users, user_id
        site = site_of(client_address(scope, self._proxies))
        if scope.get("path", "").removeprefix(scope["root_path"]) in _PROBES:
            return self._probes, site
        return self._strangers, (site, bool(token))


def _token_of(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The token or API key that comes with a request, wherever ``services.credentials`` would find it; nothing is verified."""
    own = b""
    for name, value in headers:
        if name == b"x-api-key":
            own = own or value.strip()
        if name == b"authorization":
            return value.rpartition(b" ")[2]
        if name == _PROTOCOLS and b"bearer." in value:
            return value.partition(b"bearer.")[2].partition(b",")[0].strip()
    return own
