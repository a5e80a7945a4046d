"""Output length: answers much longer than those of their kind."""

from __future__ import annotations

from typing import Final

from .classes import excess_plan
from .lever import Lever, Missing, Plan
from .log import Log


def assess(log: Log) -> Plan | Missing:
    """Compare each answer with its kind."""
    return excess_plan(
        log,
        log.output,
        "output",
        log.output,
        "The excess is not needed: look at some of these answers before you set a limit.",
    )


LEVER: Final = Lever(
    "output_length",
    "Limit the longest answers",
    "Σ max(0, output − 95th percentile of its model and feature)·p_output",
    "a limit cuts answers off; ask for brevity first",
    assess,
)
