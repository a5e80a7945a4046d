"""What columns of a table are usually called: usage column → names, the plainest first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

UNCACHED_INPUT: Final = "uncached_input_tokens"
"""Input tokens told without the cached ones, which the importer adds."""

NAMES: Final[Mapping[str, str]] = {
    "ts": "ts timestamp time created_at created start_time starttime started_at date datetime request_time event_time day",
    "provider": "provider llm_provider vendor custom_llm_provider model_provider gen_ai_system",
    "model": "model model_name model_id modelname llm_model response_model deployment engine",
    "operation": "operation call_type endpoint request_type",
    "status": "status success status_code http_status",
    "requests": "requests num_requests request_count num_model_requests n_requests calls",
    "input_tokens": "input_tokens prompt_tokens tokens_in input_length tokens_input context_tokens tokens_prompt "
    "n_input_tokens prompt_token_count total_input_tokens num_input_tokens usage_input_tokens usage_prompt_tokens",
    UNCACHED_INPUT: "uncached_input_tokens input_tokens_uncached non_cached_input_tokens",
    "cache_read_tokens": "cache_read_tokens cache_read_input_tokens cached_tokens cached_input_tokens input_cached_tokens "
    "cached_prompt_tokens usage_cache_read_input_tokens usage_cached_tokens",
    "cache_write_tokens": "cache_write_tokens cache_creation_tokens cache_creation_input_tokens "
    "usage_cache_creation_input_tokens",
    "cache_write_1h_tokens": "cache_write_1h_tokens ephemeral_1h_input_tokens cache_creation_1h_tokens "
    "cache_creation_ephemeral_1h_input_tokens",
    "output_tokens": "output_tokens completion_tokens tokens_out output_length tokens_output generated_tokens "
    "tokens_completion n_output_tokens completion_token_count total_output_tokens num_output_tokens "
    "usage_output_tokens usage_completion_tokens",
    "reasoning_tokens": "reasoning_tokens thinking_tokens reasoning_output_tokens usage_reasoning_tokens",
    "latency_ms": "latency_ms duration_ms request_duration_ms response_time_ms elapsed_ms total_time_ms",
    "latency_s": "latency_s latency_seconds duration_s duration_seconds elapsed_s",
    "cost_reported_usd": "cost_reported_usd cost_usd cost spend total_cost price_usd amount_usd usd",
    "session_id": "session_id session conversation_id thread_id trace_id chat_id",
    "request_id": "request_id id generation_id response_id call_id span_id",
    "feature": "feature use_case app application project task workflow tag component",
    "team": "team team_id team_name department cost_center group org organization",
    "end_user": "end_user user_id user customer customer_id end_user_id",
    "is_batch": "is_batch batch batch_api",
    "service_tier": "service_tier tier",
    "prompt_hash": "prompt_hash prompt_sha256 prompt_md5 request_hash cache_key input_hash",
    "prefix_blocks": "prefix_blocks hash_ids block_hashes",
    "block_tokens": "block_tokens block_size",
}


def guess(columns: Iterable[str]) -> dict[str, str]:
    """Usage column → the column that is most plainly it. A column serves once."""
    written = {_plain(column): column for column in reversed(list(columns))}
    found: dict[str, str] = {}
    for target, names in NAMES.items():
        for name in names.split():
            if (column := written.pop(_plain(name), None)) is not None:
                found[target] = column
                break
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
