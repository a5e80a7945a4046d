"""Exact duplicates: the same prompt, with the same model and parameters, for the same tenant, answered again."""

from __future__ import annotations

from typing import Final

import numpy as np

from .lever import Bill, Indices, Lever, Missing, Plan, Saving, Scenario
from .log import Log

TIMES_TO_LIVE_MS: Final = {Scenario.LOW: 300_000, Scenario.BASE: 3_600_000, Scenario.HIGH: 86_400_000}
"""How long an answer is kept: five minutes, an hour, a day."""


def assess(log: Log) -> Plan | Missing:
    """Group the requests by what they ask; ``take`` walks each group, one stored answer after the other."""
    known = log.single & log.priced & (log.prompt != 0)
    if not known.any():
        return Missing(
            ("prompt_hash",),
            "Log a hash of model, parameters and prompt for each request (LiteLLM: cache_key), one row per request.",
        )
    rows, key = log.repeats
    answered = (known & log.ok)[rows]
    rows, key = rows[answered], key[answered]
    group = np.cumsum(np.r_[False, key[1:] != key[:-1]][: len(key)])

    def take(bill: Bill, scenario: Scenario) -> Saving:
        repeated = rows[_answered_from_store(group, log.ts[rows], TIMES_TO_LIVE_MS[scenario])]
        repeated = repeated[bill.rows(repeated) > 0]
        return Saving(repeated, bill.cancel(repeated))

    return Plan(
        take,
        coverage=float(log.cost[known].sum()),
        confidence="high" if log.knows("prompt_hashes")[known].all() else "medium",
        assumptions=(
            "A stored answer is reused for the same tenant (team and end user) for 5 minutes (low), 1 hour "
            "(base) or 1 day (high).",
            "Requests that sample deliberately, call tools or depend on the time must not be served from the "
            "store; the log does not identify them.",
            "The first request had been answered before the second arrived.",
        ),
    )


def _answered_from_store(group: Indices, at: np.ndarray, time_to_live: int) -> np.ndarray:
    """Which of the rows (sorted by group, then time) come while an answer of their group is stored.

    An answer lives from the request that was paid for it; repeats do not prolong it. All groups step together, so the work
    is that of the group with the most paid requests.
    """
    served = np.ones(len(group), dtype=bool)
    width = int(at.max() - at.min()) + time_to_live + 1 if len(at) else 1
    clock = group.astype(np.int64) * width + (at - at.min() if len(at) else at)
    ends = np.searchsorted(group, group, side="right")
    paid = np.flatnonzero(np.r_[True, group[1:] != group[:-1]]) if len(group) else np.empty(0, dtype=np.intp)
    while len(paid):
        served[paid] = False
        following = np.searchsorted(clock, clock[paid] + time_to_live, side="right")
        paid = following[following < ends[paid]]
    return served


LEVER: Final = Lever(
    "duplicates",
    "Answer exact repeats from a store",
    "Σ cost of requests whose (model, parameters, prompt, tenant) was answered within the time-to-live",
    "none if answers may repeat; wrong for sampling, tool calls and time-dependent questions",
    assess,
)
