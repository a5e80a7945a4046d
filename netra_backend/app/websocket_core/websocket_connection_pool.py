"""The connections of this process: by id, and by the user whose events they get."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from ..core import validation
from ..core.errors import SSotIsolationError
from ..core.history import Chunk

MAX_TOPS: Final = 64
"""Threads per user whose newest position is told in heartbeats."""


class Flushed(Protocol):
    """What has something queued."""

    def flush(self) -> None:
        """Send what is queued in one write."""


class PoolMember(Flushed, Protocol):
    """A connection as the pool sees it."""

    @property
    def connection_id(self) -> str: ...

    @property
    def user_id(self) -> str: ...

    @property
    def is_live(self) -> bool: ...

    def deliver(self, owner: str, thread_id: str, first: int, frames: Sequence[bytes]) -> bool:
        """Queue committed events; whether a ``flush`` is wanted."""


class WebSocketConnectionPool:
    """``ports.ConnectionPool``, and the last step of delivery: one write per connection and loop iteration."""

    _ssot_validation_enabled = True

    def __init__(self) -> None:
        self._by_id: dict[str, PoolMember] = {}
        self._by_user: dict[str, tuple[PoolMember, ...]] = {}
        self._tops: dict[str, dict[str, int]] = {}
        self._ready: list[Flushed] = []
        self._schedule: Callable[[Callable[[], None]], object] | None = None
        self._came: Callable[[str], None] | None = None
        self._left: Callable[[str], None] | None = None
        self.events_delivered = 0

    def configure(self, schedule: Callable[[Callable[[], None]], object]) -> None:
        """``schedule(f)`` calls ``f`` at the end of this loop iteration (``loop.call_soon``)."""
        self._schedule = schedule

    def watch(self, came: Callable[[str], None], left: Callable[[str], None]) -> None:
        """``came`` is told of a user whose first connection was added, ``left`` of one whose last was removed."""
        self._came, self._left = came, left

    def add(self, member: PoolMember) -> None:
        """Let the connection get its user's events. Raises ``SSotIsolationError`` where its id is another's already."""
        if member.connection_id in self._by_id:
            raise SSotIsolationError(
                "SSOT isolation: a connection with this id already exists",
                field="connection_id",
                point=validation.POOL_OWNER,
            )
        self._by_id[member.connection_id] = member
        others = self._by_user.get(member.user_id, ())
        self._by_user[member.user_id] = (*others, member)
        self._tops.setdefault(member.user_id, {})
        if not others and self._came is not None:
            self._came(member.user_id)

    def remove(self, member: PoolMember) -> None:
        """The connection is gone. May be called again."""
        if self._by_id.pop(member.connection_id, None) is None:
            return
        left = tuple(each for each in self._by_user[member.user_id] if each is not member)
        if left:
            self._by_user[member.user_id] = left
        else:
            del self._by_user[member.user_id]
            self._tops.pop(member.user_id, None)
            if self._left is not None:
                self._left(member.user_id)

    def find(self, connection_id: str) -> PoolMember | None:
        return self._by_id.get(connection_id)

    def of_user(self, user_id: str) -> tuple[PoolMember, ...]:
        """All connections of one user."""
        return self._by_user.get(user_id, ())

    def all(self) -> list[PoolMember]:
        """All connections."""
        return list(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def tops(self, user_id: str) -> dict[str, int]:
        """The newest committed positions of the user's threads that had events while one of its connections was here."""
        return self._tops.get(user_id, {})

    # --- delivery ---------------------------------------------------------------------------------------------------

    def publish(self, chunks: Sequence[Chunk]) -> None:
        """Deliver committed events to all connections of their owners, then write once to each.

        A connection may be closed while it is delivered to; that costs nobody else an event.
        """
        by_user, ready = self._by_user, self._ready
        for chunk in chunks:
            head = chunk.head
            owner = head.owner
            members = by_user.get(owner)
            if members is not None:
                frames = chunk.frames
                for member in members:
                    if member.deliver(owner, head.thread_id, chunk.first, frames):
                        ready.append(member)
                    self.events_delivered += len(frames)
                self.note(owner, head.thread_id, chunk.last)
        self.flush()

    def deliver(self, owner: str, thread_id: str, first: int, frames: Sequence[bytes]) -> None:
        """Deliver events that another process committed, or that were read from the log, to all connections of their owner;
        they leave at the end of this loop iteration."""
        members = self._by_user.get(owner)
        if members is not None:
            for member in members:
                if member.deliver(owner, thread_id, first, frames):
                    self.touch(member)
                self.events_delivered += len(frames)
            self.note(owner, thread_id, first + len(frames) - 1)

    def note(self, owner: str, thread_id: str, top: int) -> None:
        """Tell this newest position with the next heartbeats."""
        tops = self._tops.get(owner)
        if tops is None:  # the last of its connections was closed just now
            return
        if thread_id not in tops and len(tops) >= MAX_TOPS:
            del tops[next(iter(tops))]
        tops[thread_id] = top

    def touch(self, member: Flushed) -> None:
        """Something was queued outside of ``publish``: flush at the end of this loop iteration."""
        if not self._ready and self._schedule is not None:
            self._schedule(self.flush)
        self._ready.append(member)

    def flush(self) -> None:
        """Write once to every connection that has something queued."""
        ready = self._ready
        if ready:
            self._ready = []
            for member in ready:
                member.flush()

    def get_factory_metrics(self) -> dict[str, Any]:
        """Connections, users, and events delivered since the start."""
        return {
            "connections": len(self._by_id),
            "users": len(self._by_user),
            "events_delivered": self.events_delivered,
        }

    async def cleanup(self) -> None:
        """Forget every connection."""
        self._by_id.clear()
        self._by_user.clear()
        self._tops.clear()
        self._ready.clear()
