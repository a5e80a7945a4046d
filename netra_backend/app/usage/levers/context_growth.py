"""Context growth: old turns of long conversations, sent again with each new one."""

from __future__ import annotations

from typing import Final

import numpy as np

from .lever import NOTHING, Bill, Indices, Lever, Missing, Plan, Saving, Scenario
from .log import Floats, Ints, Log

TURNS_KEPT: Final = {Scenario.LOW: 20, Scenario.BASE: 10, Scenario.HIGH: 5}


def assess(log: Log) -> Plan | Missing:
    """Sort the requests into sessions."""
    usable = log.single & log.priced & (log.session != 0)
    if not usable.any():
        return Missing(("session_id",), "Log a session id with each request, one row per request.")
    rows = np.flatnonzero(usable & log.ok)
    rows = rows[np.argsort(log.session[rows], kind="stable")]
    turn = _turns(log, rows)

    def take(bill: Bill, scenario: Scenario) -> Saving:
        late = np.flatnonzero(turn > TURNS_KEPT[scenario])
        excess = _dropped(log, rows, turn, late, TURNS_KEPT[scenario])
        late, excess = late[excess > 0], excess[excess > 0]
        late_rows = rows[late]
        open_rows = bill.rows(late_rows) > 0
        late_rows, excess = late_rows[open_rows], excess[open_rows]
        if not len(late_rows):
            return NOTHING
        # The oldest turns are the likeliest to be cached, so they are taken off the cheap tokens first.
        read, uncached = log.read[late_rows], log.uncached[late_rows]
        from_read = np.minimum(excess, read)
        from_input = np.minimum(excess - from_read, uncached)
        saved = bill.scale(late_rows, read=_left(from_read, read), input=_left(from_input, uncached))
        return Saving(late_rows, saved)

    return Plan(
        take,
        coverage=float(log.cost[usable].sum()),
        confidence="low",
        assumptions=(
            "The first prompt and the last 20 (low), 10 (base) or 5 (high) turns are kept; the growth before "
            "them is dropped.",
            "Cached tokens are dropped first. Summaries that replace the dropped turns are not charged.",
        ),
        details={"longest_session_turns": int(turn.max()) if len(turn) else 0},
    )


def _turns(log: Log, rows: Indices) -> Ints:
    """Each row's place in its session, from 1."""
    if not len(rows):
        return np.empty(0, dtype=np.int64)
    session = log.session[rows]
    starts = np.r_[True, session[1:] != session[:-1]]
    first = np.maximum.accumulate(np.where(starts, np.arange(len(rows)), 0))
    return np.asarray(np.arange(len(rows)) - first + 1)


def _dropped(log: Log, rows: Indices, turn: Ints, late: Indices, kept: int) -> Ints:
    """The prompt's growth from the first turn to the last one before the window. A session that shrank in between was
    compacted already; what it dropped is not counted again."""
    size = log.input_tokens[rows]
    first = size[late - turn[late] + 1]
    before_window = np.minimum(size[late - kept], size[late])
    return np.asarray(np.maximum(before_window - first, 0))


def _left(taken: Ints, of: Ints) -> Floats:
    return np.asarray(np.divide(of - taken, of, out=np.ones(len(of)), where=of > 0))


LEVER: Final = Lever(
    "context_growth",
    "Keep only a window of recent turns",
    "Σ over turns after the window: (input at the turn before the window − first input)·p, cached tokens first",
    "compaction loses facts, and a changed prefix misses the cache",
    assess,
)
