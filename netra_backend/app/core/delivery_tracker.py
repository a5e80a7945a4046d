"""Tracks how far each thread was delivered to this process's connections, and decides what to do with new events.

New events of a thread come from three sources: this process's commits, messages from other processes (which may be lost,
late or duplicated), and polls of the log. An incoming event is delivered if it is the next one, dropped if it was delivered
already, and otherwise read from the log. So there is no buffer that could fill up. A step never waits.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

MAX_CURSORS: Final = 1024
"""Threads of one owner with a remembered position: more than one user changes between two polls. Events of any other thread are
read from the log."""


class Verdict(Enum):
    """What to do with an incoming event."""

    DELIVER = auto()
    """It is the next event: deliver it in this step."""
    DROP = auto()
    """It was delivered already, or no connection here needs it."""
    HOLD = auto()
    """It will be read from the log once nothing delays the thread any more."""
    READ = auto()
    """Read it from the log: start now, and read until ``gap`` returns ``None``."""
    NOTE = auto()
    """It may have been delivered already: only announce its position with the next heartbeat. A client that misses it resumes."""


class Cursor:
    """One thread's position: everything up to ``at`` was delivered here; ``target`` is the newest known position. ``waits``
    counts what delays the thread: a read, the first poll of its owner's threads, requests that wait for an answer."""

    __slots__ = ("at", "epoch", "owner", "target", "thread_id", "waits")

    def __init__(self, owner: str, thread_id: str, epoch: str, at: int, waits: int) -> None:
        self.owner = owner
        self.thread_id = thread_id
        self.epoch = epoch
        self.at = at
        self.target = at
        self.waits = waits


class _Followed:
    """One owner. ``seen`` is false until the first poll. ``whole``: a thread without a cursor is newer than that poll."""

    __slots__ = ("cursors", "holds", "seen", "whole")

    def __init__(self) -> None:
        self.cursors: OrderedDict[str, Cursor] = OrderedDict()  # the oldest first, so that it is cheap to evict
        self.holds: dict[str, int] = {}
        self.seen = False
        self.whole = False


class DeliveryTracker:
    """The owners with connections to this process, and the positions of their threads."""

    def __init__(self, most: int = MAX_CURSORS) -> None:
        self._most = most
        self._owners: dict[str, _Followed] = {}
        self.stale = 0
        """How many incoming events belonged to another history (epoch) of their thread."""

    # --- owners come and go -----------------------------------------------------------------------------------------

    def follow(self, owner: str) -> None:
        """The owner's first connection opened. Nothing is delivered before ``look``."""
        self._owners[owner] = _Followed()

    def unfollow(self, owner: str) -> None:
        """The owner's last connection closed. Reads in progress then find no gap."""
        self._owners.pop(owner, None)

    def owners(self) -> list[str]:
        """The owners with connections here."""
        return list(self._owners)

    def unseen(self) -> list[str]:
        """The owners whose threads were not polled yet."""
        return [owner for owner, followed in self._owners.items() if not followed.seen]

    def is_seen(self, owner: str) -> bool:
        """Whether the owner's threads were polled, or no poll is due."""
        followed = self._owners.get(owner)
        return followed is None or followed.seen

    def look(self, owner: str, threads: Sequence[tuple[str, str, int]], whole: bool) -> list[Cursor]:
        """Take the first poll: (thread, epoch, top) of the owner's threads, newest first, and whether these are all. What it
        shows counts as delivered. Returns the cursors to read from the log now."""
        followed = self._owners.get(owner)
        if followed is None or followed.seen:
            return []
        followed.seen, followed.whole = True, whole
        early = list(followed.cursors.values())
        for thread_id, epoch, top in reversed(threads):
            cursor = followed.cursors.get(thread_id)
            if cursor is None:
                self._add(followed, owner, thread_id, epoch, top)
            else:
                cursor.epoch, cursor.at = epoch, min(cursor.at, top)  # earlier events are still to be delivered
        if whole:
            shown = {thread_id for thread_id, _, _ in threads}
            for cursor in early:
                if cursor.thread_id not in shown:
                    cursor.at = 0
        return [cursor for cursor in early if self._let_go(cursor)]

    def hold(self, owner: str, thread_id: str) -> None:
        """Deliver nothing more of this thread until ``release``: a request must be answered first."""
        followed = self._owners.get(owner)
        if followed is not None:
            followed.holds[thread_id] = followed.holds.get(thread_id, 0) + 1
            if thread_id in followed.cursors:
                followed.cursors[thread_id].waits += 1

    def release(self, owner: str, thread_id: str) -> Cursor | None:
        """The request was answered. Returns the cursor to read from the log now, if events arrived in the meantime."""
        followed = self._owners.get(owner)
        if followed is None or thread_id not in followed.holds:
            return None
        followed.holds[thread_id] -= 1
        if not followed.holds[thread_id]:
            del followed.holds[thread_id]
        cursor = followed.cursors.get(thread_id)
        return cursor if cursor is not None and self._let_go(cursor) else None

    # --- news -------------------------------------------------------------------------------------------------------

    def told(self, owner: str, thread_id: str, epoch: str, first: int, last: int) -> Verdict:
        """The positions from ``first`` to ``last`` are committed, and their events are available."""
        followed = self._owners.get(owner)
        if followed is None:
            return Verdict.DROP
        cursor = followed.cursors.get(thread_id)
        if cursor is None:
            cursor = self._meet(followed, owner, thread_id, epoch, first)
            if first > 1:
                return self._hear(cursor, epoch, last)
        if first == cursor.at + 1 and not cursor.waits and cursor.epoch == epoch:
            cursor.at = last
            return Verdict.DELIVER
        return self._hear(cursor, epoch, last)

    def moved(self, owner: str, thread_id: str, epoch: str, top: int, *, again: bool = False) -> Verdict:
        """A poll of the log shows this newest position; the events are not available. ``again``: an earlier poll may have shown
        the same."""
        followed = self._owners.get(owner)
        if followed is None or top < 1:
            return Verdict.DROP
        cursor = followed.cursors.get(thread_id)
        if cursor is None:
            if again and followed.seen and not followed.whole:
                return Verdict.NOTE
            cursor = self._meet(followed, owner, thread_id, epoch, top)
        elif cursor.epoch != epoch:  # the history was restored: its readers learn it when they resume
            cursor.epoch, cursor.at, cursor.target = epoch, top, top
        return self._hear(cursor, epoch, top)

    def live(self, owner: str, thread_id: str, epoch: str, top: int) -> tuple[int, Verdict]:
        """The position from which the thread is live for a connection, given the store's top. Anything that must be
        read follows that position."""
        followed = self._owners.get(owner)
        if followed is None:
            return top, Verdict.DROP
        if thread_id not in followed.cursors and not followed.whole:
            self._add(followed, owner, thread_id, epoch, top)
        verdict = self.moved(owner, thread_id, epoch, top)
        cursor = followed.cursors.get(thread_id)
        return (0 if cursor is None else cursor.at), verdict

    def at(self, owner: str, thread_id: str) -> int | None:
        """The last delivered position of the thread; ``None`` if it has no cursor."""
        cursor = self.cursor(owner, thread_id)
        return None if cursor is None else cursor.at

    def cursor(self, owner: str, thread_id: str) -> Cursor | None:
        """The thread's cursor, if it has one."""
        followed = self._owners.get(owner)
        return None if followed is None else followed.cursors.get(thread_id)

    # --- reading ----------------------------------------------------------------------------------------------------

    def gap(self, cursor: Cursor) -> tuple[int, int] | None:
        """The range to read now: after the first position, up to the second. ``None`` ends the read: everything is delivered, no
        connection needs it any more, or something else delays the thread."""
        if self.cursor(cursor.owner, cursor.thread_id) is not cursor:
            return None
        if cursor.target > cursor.at and cursor.waits == 1:
            return cursor.at, cursor.target
        cursor.waits -= 1
        return None

    def page(self, cursor: Cursor, count: int) -> bool:
        """``count`` events were read and will be delivered in this step. ``False``: no connection needs them any more."""
        if self.cursor(cursor.owner, cursor.thread_id) is not cursor:
            return False
        cursor.at += count
        return True

    def absent(self, cursor: Cursor) -> None:
        """The log does not have the announced events: the thread was deleted, or the announcement was false."""
        cursor.target = cursor.at

    def failed(self, cursor: Cursor) -> None:
        """The log could not be read: this read has ended, and the gap is still there."""
        cursor.waits -= 1

    def again(self, cursor: Cursor) -> bool:
        """Whether to start a failed read again."""
        if self.cursor(cursor.owner, cursor.thread_id) is not cursor or cursor.waits or cursor.target <= cursor.at:
            return False
        cursor.waits = 1
        return True

    # --- steps ------------------------------------------------------------------------------------------------------

    def _meet(self, followed: _Followed, owner: str, thread_id: str, epoch: str, first: int) -> Cursor:
        """A cursor for a thread without one: a new thread is delivered from its start, an old one from ``first``."""
        return self._add(followed, owner, thread_id, epoch, 0 if followed.whole else first - 1)

    def _add(self, followed: _Followed, owner: str, thread_id: str, epoch: str, at: int) -> Cursor:
        cursors = followed.cursors
        if len(cursors) >= self._most:
            followed.whole = False
            idle = next((cursor.thread_id for cursor in cursors.values() if not cursor.waits), next(iter(cursors)))
            del cursors[idle]
        waits = followed.holds.get(thread_id, 0) + (not followed.seen)
        cursor = cursors[thread_id] = Cursor(owner, thread_id, epoch, at, waits)
        return cursor

    def _hear(self, cursor: Cursor, epoch: str, last: int) -> Verdict:
        if cursor.epoch != epoch:
            self.stale += 1
            return Verdict.DROP
        if last <= cursor.at:
            return Verdict.DROP
        cursor.target = max(cursor.target, last)
        if cursor.waits:
            return Verdict.HOLD
        cursor.waits = 1
        return Verdict.READ

    def _let_go(self, cursor: Cursor) -> bool:
        """One delay of the thread has ended; whether a read starts."""
        cursor.waits -= 1
        return self.again(cursor)
