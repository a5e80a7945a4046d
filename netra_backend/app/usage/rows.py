"""The usage table: its one definition, and the handle through which a question reads it.

A question sees two relations, both holding the rows of one owner and no other: ``usage`` (one row a request, or one row a
bucket where the source only tells sums) and ``datasets`` (one row an import). Times are UTC without a zone, tokens are
integers, ``NULL`` means that the source does not say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Protocol

COLUMNS: Final[Mapping[str, str]] = {
    "ts": "TIMESTAMP",
    "provider": "VARCHAR",
    "model": "VARCHAR",
    "operation": "VARCHAR",
    "status": "VARCHAR",
    "requests": "BIGINT",
    "input_tokens": "BIGINT",
    "cache_read_tokens": "BIGINT",
    "cache_write_tokens": "BIGINT",
    "cache_write_1h_tokens": "BIGINT",
    "output_tokens": "BIGINT",
    "reasoning_tokens": "BIGINT",
    "latency_ms": "DOUBLE",
    "cost_reported_usd": "DECIMAL(24,12)",
    "session_id": "VARCHAR",
    "request_id": "VARCHAR",
    "feature": "VARCHAR",
    "team": "VARCHAR",
    "end_user": "VARCHAR",
    "is_batch": "BOOLEAN",
    "service_tier": "VARCHAR",
    "prompt_hash": "VARCHAR",
    "prefix_blocks": "BIGINT[]",
    "block_tokens": "INTEGER",
    "source": "VARCHAR",
    "granularity": "VARCHAR",
}
"""Column and DuckDB type, in order, of what an importer makes.

Never ``NULL``: ``ts``, ``model``, ``operation``, ``status``, ``input_tokens``, ``output_tokens``, ``source``,
``granularity``. ``input_tokens`` is the total that the model read: cache reads and cache writes are parts of it.
``cache_write_1h_tokens`` are a part of ``cache_write_tokens``: those that are kept for an hour, at a price of their own.
``reasoning_tokens`` are a part of ``output_tokens``. ``requests`` is 1 for a single request, the number of requests of a
bucket, ``NULL`` where a bucket does not tell it. ``prompt_hash`` identifies model, parameters and prompt together.
``prefix_blocks`` are the hashes of the prompt's consecutive blocks of ``block_tokens`` tokens (the last may be shorter): two
prompts share as many leading blocks as they share leading tokens.
"""

USAGE_COLUMNS: Final[Mapping[str, str]] = {"dataset_id": "VARCHAR", **COLUMNS}
"""The columns of the relation ``usage``."""

DATASET_COLUMNS: Final[Mapping[str, str]] = {
    "dataset_id": "VARCHAR",
    "name": "VARCHAR",
    "format": "VARCHAR",
    "imported_at": "TIMESTAMP",
    "rows": "BIGINT",
    "rejected": "BIGINT",
    "first_ts": "TIMESTAMP",
    "last_ts": "TIMESTAMP",
    "capabilities": "VARCHAR[]",
    "generated": "BOOLEAN",
    "priced_as": "VARCHAR",
}
"""The columns of the relation ``datasets``. ``capabilities`` holds values of ``Capability``. ``generated``: a sample made up
for demonstration, which every report must say. ``priced_as``: the model that the user named for a trace that names none
(``usage.model`` holds it, too)."""


class Status(StrEnum):
    """What became of a request."""

    OK = "ok"
    ERROR = "error"
    GATEWAY_CACHE = "gateway_cache"
    """Answered from the gateway's own response cache: no provider was asked, nothing was billed."""


class Granularity(StrEnum):
    """What one row stands for; all but ``REQUEST`` are sums over that width (``BUCKET``: a width that is none of these)."""

    REQUEST = "request"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    BUCKET = "bucket"


class Capability(StrEnum):
    """What a dataset can tell. A lever that needs one which is absent answers ``not_assessable`` and names it."""

    PER_REQUEST = "per_request"
    REAL_TIMES = "real_times"
    """Timestamps are when it happened; without it they are offsets from a start that was assumed or given."""
    SESSIONS = "sessions"
    PROMPT_HASHES = "prompt_hashes"
    PREFIX_BLOCKS = "prefix_blocks"
    CACHE_READS = "cache_reads"
    CACHE_WRITES = "cache_writes"
    REASONING_TOKENS = "reasoning_tokens"
    STATUSES = "statuses"
    LATENCIES = "latencies"
    REPORTED_COSTS = "reported_costs"
    BATCH_FLAGS = "batch_flags"
    SERVICE_TIERS = "service_tiers"
    TEAMS = "teams"
    FEATURES = "features"
    END_USERS = "end_users"


class Rows(Protocol):
    """A read-only handle on one owner's rows: in practice a DuckDB connection that can see nothing else."""

    def execute(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None, /) -> Rows:
        """Run one SQL statement, its parameters as ``?`` or ``$name``; the answer is fetched from what is returned."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row."""

    def fetchmany(self, size: int = 1, /) -> list[tuple[Any, ...]]:
        """At most ``size`` further rows."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All further rows."""

    def fetchnumpy(self) -> dict[str, Any]:
        """All rows as one NumPy array a column; masked where there are ``NULL``s. Decimals become floats."""

    @property
    def description(self) -> Sequence[Sequence[Any]] | None:
        """Name and type of each column of the last result."""
