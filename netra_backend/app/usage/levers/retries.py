"""Failures and retries: money for requests that failed, and for the same request sent again at once."""

from __future__ import annotations

from typing import Final

import numpy as np

from .lever import Bill, Indices, Lever, Missing, Plan, Saving, Scenario
from .log import Log

RESEND_MS: Final = 60_000
SAME_SIZE: Final = 0.01
"""Two prompts of one session whose sizes differ by no more than this part are taken for the same prompt."""


def assess(log: Log) -> Plan | Missing:
    """Sort failures by how sure it is that they were billed, and find resends."""
    if not log.failed.any() and not log.knows("statuses").any():
        return Missing(("status",), "Log whether each request failed, and log failed attempts as rows of their own.")
    failed = log.failed & log.priced & (log.cost > 0)
    proven = failed & (log.reported > 0)
    likely = proven | (failed & (log.reported < 0) & (log.output > 0))
    resent = _resends(log)
    wasted = {
        Scenario.LOW: np.flatnonzero(proven),
        Scenario.BASE: np.flatnonzero(likely),
        Scenario.HIGH: np.union1d(np.flatnonzero(failed), resent),
    }

    def take(bill: Bill, scenario: Scenario) -> Saving:
        rows = wasted[scenario]
        rows = rows[bill.rows(rows) > 0]
        return Saving(rows, bill.cancel(rows))

    return Plan(
        take,
        coverage=float(log.cost[log.priced].sum()),
        confidence="medium" if proven.any() else "low",
        assumptions=(
            "Low counts failures that the source reported as billed; base also counts failures that had "
            "produced output; high also counts all other failures and near-identical requests resent within "
            "60 seconds.",
            "Many providers do not bill failures; check an invoice line before you act on base or high.",
            "The cause of the failures can be fixed.",
        ),
        details={"failed_requests": int(log.n[log.failed].sum()), "resent_requests": len(resent)},
    )


def _resends(log: Log) -> Indices:
    """Requests like the one before them, within 60 seconds: of the same prompt, or (without a hash) of the same session with
    a prompt of the same size."""
    rows, key = log.repeats
    same = np.flatnonzero(key[1:] == key[:-1])
    before, after = rows[same], rows[same + 1]
    soon = log.ts[after] - log.ts[before] < RESEND_MS
    larger = np.maximum(log.input_tokens[after], log.input_tokens[before])
    alike = np.abs(log.input_tokens[after] - log.input_tokens[before]) <= SAME_SIZE * larger
    return np.asarray(np.sort(after[soon & alike]))


LEVER: Final = Lever(
    "retries",
    "Stop paying for failures and resends",
    "Σ cost of failed requests that were billed (+ near-identical resends within 60 s)",
    "none",
    assess,
)
