"""Prompt caching, worked out by hand and checked against a cache that is walked request by request."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.usage.savings import estimate_savings
from test_framework.usage_rows import ALL_CAPABILITIES, usage_rows
from tests.unit.usage.levers.conftest import Estimate


def blocks(*hashes: int, **row: Any) -> dict[str, Any]:
    return {"prefix_blocks": list(hashes), "block_tokens": 512, "input_tokens": 512 * len(hashes), **row}


def test_a_prefix_that_was_sent_before_is_read_at_the_caches_price(estimate: Estimate) -> None:
    # gpt-4o: 2.50 in, 1.25 cached, writes free. The second prompt shares 3 blocks: 1536 · 1.25 µ$ = 0.00192.
    answer = estimate("prompt_cache", [blocks(1, 2, 3, 4), blocks(1, 2, 3, 9, at=100)])
    assert (answer["low"], answer["base"], answer["high"]) == (Decimal("0.00192"),) * 3
    assert answer["details"]["prefix_hit_percent"] == 37.5  # 3 of 8 blocks


def test_a_prefix_is_forgotten_after_its_time_to_live_and_use_prolongs_it(estimate: Estimate) -> None:
    # 0 s writes; 300 s hits (limit included); 600 s hits, as 300 s prolonged; 901 s misses in base, hits in high (600 s).
    # Each hit: 2048 · 1.25 µ$ = 0.00256.
    rows = [blocks(1, 2, 3, 4, at=at) for at in (0, 300, 600, 901)]
    answer = estimate("prompt_cache", rows)
    assert (answer["base"], answer["high"]) == (2 * Decimal("0.00256"), 3 * Decimal("0.00256"))


def test_writing_is_charged_where_the_provider_charges_it(estimate: Estimate) -> None:
    # claude-sonnet-4-5: 3 in, 0.30 read, 3.75 written. Three prompts of 4 blocks, the same 4:
    # written 2048 at +0.75: −0.001536; read 2 · 2048 at −2.70: +0.0110592. Net 0.0095232.
    answer = estimate(
        "prompt_cache",
        [blocks(1, 2, 3, 4, at=at) for at in (0, 10, 20)],
        model="claude-sonnet-4-5",
        provider="anthropic",
    )
    assert answer["base"] == Decimal("0.0095232")


def test_a_model_for_which_writing_costs_more_than_reading_saves_is_left_out(estimate: Estimate) -> None:
    # Ten prompts that share nothing but one pair of 2 blocks: 1024 · 2.70 saved, far more written.
    rows = [blocks(100 + 9 * i, 101 + 9 * i, 102 + 9 * i, at=i) for i in range(10)]
    answer = estimate("prompt_cache", rows, model="claude-sonnet-4-5", provider="anthropic")
    assert answer["status"] == "none_found"


def test_what_was_cached_already_is_not_saved_again(estimate: Estimate) -> None:
    # 1536 tokens would hit, 1024 were read from the cache: 512 · 1.25 µ$ = 0.00064 is left to save.
    answer = estimate("prompt_cache", [blocks(1, 2, 3, 4), blocks(1, 2, 3, 9, at=1, cache_read_tokens=1024)])
    assert answer["base"] == Decimal("0.00064")


def test_prompts_below_the_providers_minimum_are_not_cached(estimate: Estimate) -> None:
    assert estimate("prompt_cache", [blocks(1, at=0), blocks(1, at=1)])["status"] == "none_found"


def test_only_a_leading_run_of_blocks_is_a_prefix(estimate: Estimate) -> None:
    # The third prompt has block 2 in the place where the first had it, but after another first block.
    rows = [blocks(1, 2, 3, 4), blocks(9, 8, 7, 6, at=1), blocks(9, 2, 3, 4, at=2)]
    assert estimate("prompt_cache", rows)["base"] == 0


def test_low_lets_teams_share_nothing(estimate: Estimate) -> None:
    answer = estimate("prompt_cache", [blocks(1, 2, 3, team="a"), blocks(1, 2, 3, team="b", at=1)])
    assert answer["low"] == 0
    assert answer["base"] == Decimal("0.00192")


def test_models_share_nothing(estimate: Estimate) -> None:
    assert estimate("prompt_cache", [blocks(1, 2, 3), blocks(1, 2, 3, model="gpt-4.1", at=1)])["high"] == 0


def test_without_a_record_of_cache_use_low_is_nothing_and_says_why(estimate: Estimate) -> None:
    answer = estimate("prompt_cache", [blocks(1, 2, 3), blocks(1, 2, 3, at=1)], capabilities=["prefix_blocks"])
    assert (answer["low"], answer["confidence"]) == (0, "medium")
    assert any("already cached" in sentence for sentence in answer["assumptions"])


def test_sessions_alone_give_an_upper_bound_of_low_confidence(estimate: Estimate) -> None:
    # The second prompt (3300) holds the first (3000) and its answer (100): 3000 · 1.25 µ$ = 0.00375 in base and high.
    # The third shrank to 2000: its 2000 count in high only: + 0.0025.
    rows = [{"at": 0, "input_tokens": 3000}, {"at": 60, "input_tokens": 3300}, {"at": 120, "input_tokens": 2000}]
    answer = estimate("prompt_cache", rows, session_id="s")
    assert (answer["low"], answer["base"], answer["high"]) == (0, Decimal("0.00375"), Decimal("0.00625"))
    assert answer["confidence"] == "low"


def test_without_prefixes_and_sessions_it_says_what_to_log(estimate: Estimate) -> None:
    answer = estimate("prompt_cache", [{}])
    assert answer["status"] == "not_assessable"
    assert answer["missing"] == ["prefix_blocks", "session_id"]


def test_a_model_without_a_cache_price_has_nothing_to_save(estimate: Estimate) -> None:
    assert estimate("prompt_cache", [blocks(1, 2, 3, model="o3-pro")])["status"] == "none_found"


REQUEST = st.fixed_dictionaries(
    {
        "at": st.integers(0, 1500),
        "prefix_blocks": st.lists(st.integers(0, 2), min_size=1, max_size=6),
        "tail": st.integers(0, 511),
        "model": st.sampled_from(["gpt-4o", "claude-sonnet-4-5"]),
        "cache_read_tokens": st.sampled_from([0, 0, 512, 1500]),
    }
)


@given(st.lists(REQUEST, min_size=1, max_size=25))
def test_the_replay_saves_what_a_cache_walked_request_by_request_saves(requests: list[Mapping[str, Any]]) -> None:
    rows = []
    for request in requests:
        row = {**request, "block_tokens": 512, "provider": "openai" if request["model"] == "gpt-4o" else "anthropic"}
        row["input_tokens"] = 512 * len(request["prefix_blocks"]) + row.pop("tail")
        rows.append(row)
    connection = usage_rows(rows, capabilities=ALL_CAPABILITIES)
    (answer,) = estimate_savings(connection, {"levers": ["prompt_cache"]})["levers"]
    assert Decimal(answer["base_usd"]) == pytest.approx(_walked(rows), abs=Decimal("1e-9"))


def _walked(rows: list[dict[str, Any]]) -> Decimal:
    """The same by other means: a trie as a dict of prefixes to the time of their last use, one request after the other, in
    micro-dollars of the published prices."""
    prices = {"gpt-4o": ("2.5", "1.25", "2.5"), "claude-sonnet-4-5": ("3", "0.3", "3.75")}
    last_use: dict[tuple[str, tuple[int, ...]], int] = {}
    saved = dict.fromkeys(prices, Decimal(0))
    for row in sorted(rows, key=lambda row: row["at"]):
        full, p_read, p_write = map(Decimal, prices[row["model"]])
        size = row["input_tokens"]
        already = min(row["cache_read_tokens"], size)
        if size < 1024:
            continue
        hits = 0
        for length in range(1, len(row["prefix_blocks"]) + 1):
            prefix = (row["model"], tuple(row["prefix_blocks"][:length]))
            if hits == length - 1 and prefix in last_use and row["at"] - last_use[prefix] <= 300:
                hits = length
            last_use[prefix] = row["at"]
        read = 512 * hits if 512 * hits >= 1024 else 0
        uncached = size - already
        more_read = min(max(read - already, 0), uncached)
        more_written = min(size - read, uncached - more_read) if p_write > full else 0
        saved[row["model"]] += more_read * (full - p_read) - more_written * (p_write - full)
    return sum((max(amount, Decimal(0)) for amount in saved.values()), Decimal(0)) / 10**6


def test_low_counts_only_datasets_that_tell_what_was_cached() -> None:
    rows = [blocks(1, 2, 3, dataset_id=name, at=at) for name in ("tells", "silent") for at in (0, 1)]
    connection = usage_rows(rows, capabilities=["prefix_blocks"])
    connection.execute("UPDATE datasets SET capabilities = ['prefix_blocks', 'cache_reads'] WHERE dataset_id = 'tells'")
    (answer,) = estimate_savings(connection, {"levers": ["prompt_cache"]})["levers"]
    # Three of the four prompts hit 1536 tokens (0.00192 each); the datasets share the provider's cache.
    assert Decimal(answer["base_usd"]) == 3 * Decimal("0.00192")
    assert Decimal(answer["low_usd"]) < Decimal(answer["base_usd"])
