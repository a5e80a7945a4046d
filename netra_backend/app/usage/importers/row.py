"""One usage row as an importer makes it, and the two ways in which a record can fail to be one."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from ..rows import Granularity, Status


class BadRow(Exception):
    """A record that cannot be a usage row. ``reason`` is shown and counted; ``value`` is what stood there."""

    def __init__(self, reason: str, value: object = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.value = value


class NotUsage(Exception):
    """A record that is in order but tells no usage (a span that calls no model): counted apart from bad rows."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UsageRow(msgspec.Struct, omit_defaults=True, gc=False, kw_only=True):
    """One row of the usage table; the fields are those of ``rows.COLUMNS``, in order. ``None``: the source does not say.
    Money is written as a decimal; times are in UTC."""

    ts: datetime
    provider: str | None = None
    model: str
    operation: str
    status: str
    requests: int | None = None
    input_tokens: int
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    output_tokens: int
    reasoning_tokens: int | None = None
    latency_ms: float | None = None
    cost_reported_usd: str | None = None
    session_id: str | None = None
    request_id: str | None = None
    feature: str | None = None
    team: str | None = None
    end_user: str | None = None
    is_batch: bool | None = None
    service_tier: str | None = None
    prompt_hash: str | None = None
    prefix_blocks: list[int] | None = None
    block_tokens: int | None = None
    source: str
    granularity: str


REQUEST: Final = Granularity.REQUEST.value
OK: Final = Status.OK.value
ERROR: Final = Status.ERROR.value
