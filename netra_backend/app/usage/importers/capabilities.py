"""What a dataset can tell, from the format it came in and from what its rows really hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from ..rows import Capability

SHOWN_BY: Final[Mapping[str, Capability]] = {
    "session_id": Capability.SESSIONS,
    "prompt_hash": Capability.PROMPT_HASHES,
    "prefix_blocks": Capability.PREFIX_BLOCKS,
    "cache_read_tokens": Capability.CACHE_READS,
    "cache_write_tokens": Capability.CACHE_WRITES,
    "reasoning_tokens": Capability.REASONING_TOKENS,
    "latency_ms": Capability.LATENCIES,
    "cost_reported_usd": Capability.REPORTED_COSTS,
    "is_batch": Capability.BATCH_FLAGS,
    "service_tier": Capability.SERVICE_TIERS,
    "team": Capability.TEAMS,
    "feature": Capability.FEATURES,
    "end_user": Capability.END_USERS,
}
"""Column → what a dataset can tell if at least one row has a value there."""


def capabilities(provides: Collection[Capability], filled: Collection[str]) -> list[str]:
    """All capabilities of a dataset, sorted: those of its format, and those of its ``filled`` columns."""
    return sorted({*provides, *(SHOWN_BY[column] for column in filled if column in SHOWN_BY)})
