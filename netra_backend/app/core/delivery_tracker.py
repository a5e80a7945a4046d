"""What one process has told its connections of each thread, whoever committed it: decides what is told next.

News of a thread comes from three sides: what this process commits, what other processes say they have committed (which may
be lost, late or doubled), and what a look at the log shows. Only what comes next is told as it is heard. Everything else that
is new is read from the log, where it stands in order; so nothing is kept here that could fill up. A step never waits.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

MAX_CURSORS: Final = 1024
"""Threads of one owner whose place is remembered: more than one user moves between two looks. What is heard of another one is
read from the log."""


class Verdict(Enum):
    """What becomes of what was heard."""

    DELIVER = auto()
    """It comes next: tell it in this step."""
    DROP = auto()
    """It was told before, or nobody here is to be told."""
    HOLD = auto()
    """It will be read from the log, once what holds the thread up has ended."""
    READ = auto()
    """It is to be read from the log: begin now, and read until ``gap`` is ``None``."""
    NOTE = auto()
    """It may have been told before: only its position is told, with the next heartbeat. Who misses it says ``resume``."""


class Cursor:
    """One thread's place: all up to ``at`` was told here; ``target`` is the newest position that was heard of. ``waits`` counts
    what holds the thread up: a read, the first look at its owner's threads, requests that wait for an answer."""

    __slots__ = ("at", "epoch", "owner", "target", "thread_id", "waits")

    def __init__(self, owner: str, thread_id: str, epoch: str, at: int, waits: int) -> None:
        self.owner = owner
        self.thread_id = thread_id
        self.epoch = epoch
        self.at = at
        self.target = at
        self.waits = waits


class _Followed:
    """One owner. ``seen`` is false until the first look. ``whole``: a thread without a cursor is younger than that look."""

    __slots__ = ("cursors", "holds", "seen", "whole")

    def __init__(self) -> None:
        self.cursors: OrderedDict[str, Cursor] = OrderedDict()  # its oldest is at hand, whatever was let go before
        self.holds: dict[str, int] = {}
        self.seen = False
        self.whole = False


class DeliveryTracker:
    """The owners who have connections here, and the places of their threads."""

    def __init__(self, most: int = MAX_CURSORS) -> None:
        self._most = most
        self._owners: dict[str, _Followed] = {}
        self.stale = 0
        """How often something was heard of a history that is not the thread's."""

    # --- owners come and go -----------------------------------------------------------------------------------------

    def follow(self, owner: str) -> None:
        """The first connection of this owner came. Nothing is told before ``look``."""
        self._owners[owner] = _Followed()

    def unfollow(self, owner: str) -> None:
        """The last connection of this owner went. Reads that go on find that there is no gap."""
        self._owners.pop(owner, None)

    def owners(self) -> list[str]:
        """Those who have connections here."""
        return list(self._owners)

    def unseen(self) -> list[str]:
        """Those of them who were not looked at yet."""
        return [owner for owner, followed in self._owners.items() if not followed.seen]

    def is_seen(self, owner: str) -> bool:
        """Whether the first look was had, or none is due."""
        followed = self._owners.get(owner)
        return followed is None or followed.seen

    def look(self, owner: str, threads: Sequence[tuple[str, str, int]], whole: bool) -> list[Cursor]:
        """The first look: (thread, epoch, top) of the owner's threads, newest first, and whether these are all. What it shows
        counts as told. The cursors that are to be read from the log now."""
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
                cursor.epoch, cursor.at = epoch, min(cursor.at, top)  # what it was met with is still to be told
        if whole:
            shown = {thread_id for thread_id, _, _ in threads}
            for cursor in early:
                if cursor.thread_id not in shown:
                    cursor.at = 0
        return [cursor for cursor in early if self._let_go(cursor)]

    def hold(self, owner: str, thread_id: str) -> None:
        """Tell nothing more of this thread until ``release``: what was asked for is to be answered first."""
        followed = self._owners.get(owner)
        if followed is not None:
            followed.holds[thread_id] = followed.holds.get(thread_id, 0) + 1
            if thread_id in followed.cursors:
                followed.cursors[thread_id].waits += 1

    def release(self, owner: str, thread_id: str) -> Cursor | None:
        """It was answered. The cursor that is to be read from the log now, where something was heard meanwhile."""
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
        """The positions from ``first`` to ``last`` are committed, and their events are at hand."""
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
        """A look at the log shows this newest position; the events are not at hand. ``again``: an earlier look may have shown
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
        """A connection is to be told from where on the thread is live, and the store shows this top: the place; where something
        is to be read, it comes after that."""
        followed = self._owners.get(owner)
        if followed is None:
            return top, Verdict.DROP
        if thread_id not in followed.cursors and not followed.whole:
            self._add(followed, owner, thread_id, epoch, top)
        verdict = self.moved(owner, thread_id, epoch, top)
        cursor = followed.cursors.get(thread_id)
        return (0 if cursor is None else cursor.at), verdict

    def at(self, owner: str, thread_id: str) -> int | None:
        """Up to where the thread was told here; ``None`` where it has no cursor."""
        cursor = self.cursor(owner, thread_id)
        return None if cursor is None else cursor.at

    def cursor(self, owner: str, thread_id: str) -> Cursor | None:
        """The thread's place, where it is known."""
        followed = self._owners.get(owner)
        return None if followed is None else followed.cursors.get(thread_id)

    # --- reading ----------------------------------------------------------------------------------------------------

    def gap(self, cursor: Cursor) -> tuple[int, int] | None:
        """What is to be read now: all after the first, up to the second. ``None`` ends the read: it is told, or nobody is to be
        told any more, or something else holds the thread up."""
        if self.cursor(cursor.owner, cursor.thread_id) is not cursor:
            return None
        if cursor.target > cursor.at and cursor.waits == 1:
            return cursor.at, cursor.target
        cursor.waits -= 1
        return None

    def page(self, cursor: Cursor, count: int) -> bool:
        """So many events were read, and are to be told in this step. ``False``: nobody is to be told any more."""
        if self.cursor(cursor.owner, cursor.thread_id) is not cursor:
            return False
        cursor.at += count
        return True

    def absent(self, cursor: Cursor) -> None:
        """The log has nothing of what was heard of: it was deleted, or somebody said so falsely."""
        cursor.target = cursor.at

    def failed(self, cursor: Cursor) -> None:
        """The log could not be read: this read has ended, and the gap is still there."""
        cursor.waits -= 1

    def again(self, cursor: Cursor) -> bool:
        """Whether a read that failed is to be begun again."""
        if self.cursor(cursor.owner, cursor.thread_id) is not cursor or cursor.waits or cursor.target <= cursor.at:
            return False
        cursor.waits = 1
        return True

    # --- steps ------------------------------------------------------------------------------------------------------

    def _meet(self, followed: _Followed, owner: str, thread_id: str, epoch: str, first: int) -> Cursor:
        """A cursor for a thread that has none: all of a new one is to be told, and of an old one what begins with ``first``."""
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
        """One thing less holds the thread up; whether a read begins."""
        cursor.waits -= 1
        return self.again(cursor)
