import statistics
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.importers.formats.mooncake import MOONCAKE

RECORD = {"timestamp": 1500, "input_length": 700, "output_length": 9, "hash_ids": [11, 12]}


def test_a_request_gets_the_model_and_the_start_that_the_user_names(converted: Callable[..., Any]) -> None:
    rows, _ = converted(MOONCAKE, RECORD, model="gpt-4o", start="2026-05-01T00:00:00Z")
    assert rows[0].ts == datetime(2026, 5, 1, 0, 0, 1, 500_000, tzinfo=UTC)
    assert (rows[0].model, rows[0].input_tokens, rows[0].output_tokens) == ("gpt-4o", 700, 9)
    assert (rows[0].prefix_blocks, rows[0].block_tokens) == ([11, 12], 512)


def test_without_a_model_it_cannot_be_priced_and_says_so(converted: Callable[..., Any]) -> None:
    with pytest.raises(ToolError, match="names no model"):
        converted(MOONCAKE, RECORD)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"hash_ids": [11]}, "hash_ids do not cover input_length in blocks of 512"),
        ({"hash_ids": [11, 12, 13]}, "hash_ids do not cover input_length in blocks of 512"),
        ({"hash_ids": "11"}, "hash_ids is not a list of at most 65,536 hashes"),
        ({"timestamp": None}, "timestamp is missing"),
        ({"timestamp": -1}, "timestamp is negative or longer than 31 days"),
        ({"output_length": -3}, "output_length is negative"),
    ],
)
def test_a_request_that_cannot_be_is_rejected(converted: Callable[..., Any], change: Any, reason: str) -> None:
    rows, stats = converted(MOONCAKE, RECORD, {**RECORD, **change}, model="m")
    assert len(rows) == 1
    assert stats.as_dict()["rejections"][0]["reason"] == reason


def test_the_published_trace_has_its_published_averages(opened: Callable[..., Any]) -> None:
    rows = opened("mooncake/synthetic_trace.jsonl", model="gpt-4o")
    assert len(rows) == 3993
    assert int(statistics.mean(row.input_tokens for row in rows)) == 15_325
    assert int(statistics.mean(row.output_tokens for row in rows)) == 149


def test_full_blocks_that_were_seen_before_are_the_published_share(opened: Callable[..., Any]) -> None:
    seen: set[int] = set()
    hits = tokens = 0
    for row in opened("mooncake/synthetic_trace.jsonl", model="gpt-4o"):
        full = row.prefix_blocks[: row.input_tokens // 512]
        while full and full[0] in seen:
            hits += 512
            full = full[1:]
        seen.update(row.prefix_blocks)
        tokens += row.input_tokens
    assert hits / tokens == pytest.approx(0.66, abs=0.02)
