"""Locks of open files over processes: taken without waiting, or by looking again for a short while.

A lock belongs to the open descriptor: it ends when that is closed, or when the processes that have it open end.
"""

from __future__ import annotations

import fcntl
import time


def try_lock(file: int, *, shared: bool = False) -> bool:
    """Take the lock of an open file at once; whether it is ours. A shared one keeps nobody out but who wants it alone."""
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_within(file: int, seconds: float, *, every: float) -> bool:
    """Take the lock alone; whether it became ours within some seconds. ``every`` is how long it waits between two looks.

    Whoever holds it may be frozen, so that nobody waits in the kernel, where no time runs out.
    """
    until = time.monotonic() + seconds
    while not try_lock(file):
        if time.monotonic() > until:
            return False
        time.sleep(every)
    return True
