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

MAX_MARKS: Final = 1024
"""Threads of one owner whose place is remembered: more than one user moves between two looks. What is heard of another one is
read from the log."""


class Verdict(Enum):
    """What becomes of what was heard."""

    TELL = auto()
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
    """One thread's place: all up to ``at`` was told here; ``wanted`` is the newest position that was heard of. ``waits`` counts
    what holds the thread up: a read, the first look at its owner's threads, requests that wait for an answer."""

    __slots__ = ("at", "epoch", "owner", "thread_id", "waits", "wanted")

    def __init__(self, owner: str, thread_id: str, epoch: str, at: int, waits: int) -> None:
        self.owner = owner
        self.thread_id = thread_id
        self.epoch = epoch
        self.at = at
        self.wanted = at
        self.waits = waits


class _Followed:
    """One owner. ``seen`` is false until the first look. ``whole``: a thread without a mark is younger than that look."""

    __slots__ = ("holds", "marks", "seen", "whole")

    def __init__(self) -> None:
        self.marks: OrderedDict[str, Cursor] = OrderedDict()  # its oldest is at hand, whatever was let go before
        self.holds: dict[str, int] = {}
        self.seen = False
        self.whole = False


class DeliveryTracker:
    """The owners who have connections here, and the places of their threads."""

    def __init__(self, most: int = MAX_MARKS) -> None:
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
        counts as told. The marks that are to be read from the log now."""
        followed = self._owners.get(owner)
        if followed is None or followed.seen:
            return []
        followed.seen, followed.whole = True, whole
        early = list(followed.marks.values())
        for thread_id, epoch, top in reversed(threads):
            mark = followed.marks.get(thread_id)
            if mark is None:
                self._add(followed, owner, thread_id, epoch, top)
            else:
                mark.epoch, mark.at = epoch, min(mark.at, top)  # what it was met with is still to be told
        if whole:
            shown = {thread_id for thread_id, _, _ in threads}
            for mark in early:
                if mark.thread_id not in shown:
                    mark.at = 0
        return [mark for mark in early if self._let_go(mark)]

    def hold(self, owner: str, thread_id: str) -> None:
        """Tell nothing more of this thread until ``release``: what was asked for is to be answered first."""
        followed = self._owners.get(owner)
        if followed is not None:
            followed.holds[thread_id] = followed.holds.get(thread_id, 0) + 1
            if thread_id in followed.marks:
                followed.marks[thread_id].waits += 1

    def release(self, owner: str, thread_id: str) -> Cursor | None:
        """It was answered. The mark that is to be read from the log now, where something was heard meanwhile."""
        followed = self._owners.get(owner)
        if followed is None or thread_id not in followed.holds:
            return None
        followed.holds[thread_id] -= 1
        if not followed.holds[thread_id]:
            del followed.holds[thread_id]
        mark = followed.marks.get(thread_id)
        return mark if mark is not None and self._let_go(mark) else None

    # --- news -------------------------------------------------------------------------------------------------------

    def told(self, owner: str, thread_id: str, epoch: str, first: int, last: int) -> Verdict:
        """The positions from ``first`` to ``last`` are committed, and their events are at hand."""
        followed = self._owners.get(owner)
        if followed is None:
            return Verdict.DROP
        mark = followed.marks.get(thread_id)
        if mark is None:
            mark = self._meet(followed, owner, thread_id, epoch, first)
            if first > 1:
                return self._hear(mark, epoch, last)
        if first == mark.at + 1 and not mark.waits and mark.epoch == epoch:
            mark.at = last
            return Verdict.TELL
        return self._hear(mark, epoch, last)

    def moved(self, owner: str, thread_id: str, epoch: str, top: int, *, again: bool = False) -> Verdict:
        """A look at the log shows this newest position; the events are not at hand. ``again``: an earlier look may have shown
        the same."""
        followed = self._owners.get(owner)
        if followed is None or top < 1:
            return Verdict.DROP
        mark = followed.marks.get(thread_id)
        if mark is None:
            if again and followed.seen and not followed.whole:
                return Verdict.NOTE
            mark = self._meet(followed, owner, thread_id, epoch, top)
        elif mark.epoch != epoch:  # the history was restored: its readers learn it when they resume
            mark.epoch, mark.at, mark.wanted = epoch, top, top
        return self._hear(mark, epoch, top)

    def live(self, owner: str, thread_id: str, epoch: str, top: int) -> tuple[int, Verdict]:
        """A connection is to be told from where on the thread is live, and the store shows this top: the place; where something
        is to be read, it comes after that."""
        followed = self._owners.get(owner)
        if followed is None:
            return top, Verdict.DROP
        if thread_id not in followed.marks and not followed.whole:
            self._add(followed, owner, thread_id, epoch, top)
        verdict = self.moved(owner, thread_id, epoch, top)
        mark = followed.marks.get(thread_id)
        return (0 if mark is None else mark.at), verdict

    def at(self, owner: str, thread_id: str) -> int | None:
        """Up to where the thread was told here; ``None`` where it has no mark."""
        mark = self.mark(owner, thread_id)
        return None if mark is None else mark.at

    def mark(self, owner: str, thread_id: str) -> Cursor | None:
        """The thread's place, where it is known."""
        followed = self._owners.get(owner)
        return None if followed is None else followed.marks.get(thread_id)

    # --- reading ----------------------------------------------------------------------------------------------------

    def gap(self, mark: Cursor) -> tuple[int, int] | None:
        """What is to be read now: all after the first, up to the second. ``None`` ends the read: it is told, or nobody is to be
        told any more, or something else holds the thread up."""
        if self.mark(mark.owner, mark.thread_id) is not mark:
            return None
        if mark.wanted > mark.at and mark.waits == 1:
            return mark.at, mark.wanted
        mark.waits -= 1
        return None

    def page(self, mark: Cursor, count: int) -> bool:
        """So many events were read, and are to be told in this step. ``False``: nobody is to be told any more."""
        if self.mark(mark.owner, mark.thread_id) is not mark:
            return False
        mark.at += count
        return True

    def absent(self, mark: Cursor) -> None:
        """The log has nothing of what was heard of: it was deleted, or somebody said so falsely."""
        mark.wanted = mark.at

    def failed(self, mark: Cursor) -> None:
        """The log could not be read: this read has ended, and the gap is still there."""
        mark.waits -= 1

    def again(self, mark: Cursor) -> bool:
        """Whether a read that failed is to be begun again."""
        if self.mark(mark.owner, mark.thread_id) is not mark or mark.waits or mark.wanted <= mark.at:
            return False
        mark.waits = 1
        return True

    # --- steps ------------------------------------------------------------------------------------------------------

    def _meet(self, followed: _Followed, owner: str, thread_id: str, epoch: str, first: int) -> Cursor:
        """A mark for a thread that has none: all of a new one is to be told, and of an old one what begins with ``first``."""
        return self._add(followed, owner, thread_id, epoch, 0 if followed.whole else first - 1)

    def _add(self, followed: _Followed, owner: str, thread_id: str, epoch: str, at: int) -> Cursor:
        marks = followed.marks
        if len(marks) >= self._most:
            followed.whole = False
            idle = next((mark.thread_id for mark in marks.values() if not mark.waits), next(iter(marks)))
            del marks[idle]
        waits = followed.holds.get(thread_id, 0) + (not followed.seen)
        mark = marks[thread_id] = Cursor(owner, thread_id, epoch, at, waits)
        return mark

    def _hear(self, mark: Cursor, epoch: str, last: int) -> Verdict:
        if mark.epoch != epoch:
            self.stale += 1
            return Verdict.DROP
        if last <= mark.at:
            return Verdict.DROP
        mark.wanted = max(mark.wanted, last)
        if mark.waits:
            return Verdict.HOLD
        mark.waits = 1
        return Verdict.READ

    def _let_go(self, mark: Cursor) -> bool:
        """One thing less holds the thread up; whether a read begins."""
        mark.waits -= 1
        return self.again(mark)
