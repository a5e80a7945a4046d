"""What a server of Netra used itself, as usage rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from netra_backend.app.usage.importers.formats.netra import NETRA

USE = {
    "netra_call_id": "run_1:2.1",
    "run_id": "run_1",
    "ts": "2026-06-01T01:02:03.004+00:00",
    "provider": "openai",
    "model": "gpt-4o",
    "input_tokens": 100,
    "output_tokens": 20,
    "cache_read_tokens": 60,
    "cache_write_tokens": 0,
    "reasoning_tokens": 5,
}


def test_a_request_is_one_row_of_its_run(converted: Callable[..., Any]) -> None:
    (row,), _ = converted(NETRA, USE)
    assert (row.provider, row.model, row.requests, row.source) == ("openai", "gpt-4o", 1, "netra")
    assert (row.input_tokens, row.cache_read_tokens, row.output_tokens, row.reasoning_tokens) == (100, 60, 20, 5)
    assert (row.session_id, row.request_id) == ("run_1", "run_1:2.1")
    assert row.ts == datetime(2026, 6, 1, 1, 2, 3, 4000, tzinfo=UTC)


def test_a_record_without_its_tokens_is_refused(converted: Callable[..., Any]) -> None:
    rows, stats = converted(NETRA, USE, {**USE, "input_tokens": None})
    assert len(rows) == 1
    assert stats.as_dict()["rejections"][0]["reason"] == "input_tokens is missing"
