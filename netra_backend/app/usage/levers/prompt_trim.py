"""Prompt trimming: prompts much longer than those of their kind."""

from __future__ import annotations

from typing import Final

from .classes import excess_plan
from .lever import Lever, Missing, Plan
from .log import Log


def assess(log: Log) -> Plan | Missing:
    """Compare each prompt with its kind. Only tokens that were paid in full are counted as excess."""
    return excess_plan(
        log,
        log.input_tokens,
        "input",
        log.uncached,
        "The excess is not needed, and it lies in the part of the prompt that was not cached.",
    )


LEVER: Final = Lever(
    "prompt_trim",
    "Trim the longest prompts",
    "Σ max(0, input − 95th percentile of its model and feature)·p_input, at most the uncached tokens",
    "what is trimmed may have been needed",
    assess,
)
