"""LiteLLM's spend logs (table ``LiteLLM_SpendLogs``), as JSON, JSON Lines or CSV.

``prompt_tokens`` includes what was read from and written to the provider's cache; how much that was stands in ``metadata``,
under ``additional_usage_values`` or, in newer versions, ``usage_object``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ..rows import Capability, Status
from .format import REQUESTS, Format, ImportOptions, Reading
from .records import Head, Record
from .row import ERROR, OK, REQUEST, UsageRow
from .values import Times, elapsed_ms, mapping, milliseconds, money, optional_tokens, required_text, text, tokens

_NO_KEY: Final = "Cache OFF"
_decode: Final = msgspec.json.Decoder().decode


def _recognise(head: Head) -> str | None:
    if head.has("request_id", "call_type", "spend", "prompt_tokens", "completion_tokens", "startTime"):
        return "records have the columns of LiteLLM_SpendLogs (call_type, spend, prompt_tokens, startTime)"
    return None


def _read(head: Head, options: ImportOptions, times: Times) -> Reading:
    def convert(record: Record) -> UsageRow:
        get = record.get
        start = times.read(get("startTime"), "startTime")
        metadata = nested(get("metadata"))
        cache_read, cache_written, reasoning = _cached(metadata)
        status = get("status") or metadata.get("status")
        failed = status != "success" and "fail" in str(status).lower()
        hit = get("cache_hit")
        answered_here = hit is True or hit in ("True", "true")
        key = text(get("cache_key"))
        duration = milliseconds(get("request_duration_ms"), "request_duration_ms")
        if duration is None and get("endTime"):
            duration = elapsed_ms(start, times.read(get("endTime"), "endTime"))
        model = text(get("model")) or text(get("model_group"))
        return UsageRow(
            ts=start,
            provider=text(get("custom_llm_provider")),
            model=model or ("unknown" if failed else required_text(None, "model")),
            operation=_operation(str(get("call_type") or "")),
            status=Status.GATEWAY_CACHE.value if answered_here else ERROR if failed else OK,
            requests=1,
            input_tokens=tokens(get("prompt_tokens"), "prompt_tokens"),
            cache_read_tokens=cache_read,
            cache_write_tokens=cache_written,
            output_tokens=tokens(get("completion_tokens"), "completion_tokens"),
            reasoning_tokens=reasoning,
            latency_ms=duration,
            cost_reported_usd=money(get("spend"), "spend"),
            session_id=text(get("session_id")),
            request_id=text(get("request_id")),
            feature=_tag(get("request_tags")),
            team=text(metadata.get("user_api_key_team_alias")) or text(get("team_id")),
            end_user=text(get("end_user")) or text(get("user")),
            prompt_hash=None if key == _NO_KEY else key,
            source=LITELLM.name,
            granularity=REQUEST,
        )

    return Reading(convert, REQUESTS | {Capability.STATUSES})


def nested(value: object) -> Mapping[str, Any]:
    """An object that may have been exported as its JSON text."""
    if isinstance(value, str):
        try:
            value = _decode(value)
        except (msgspec.DecodeError, RecursionError):
            return {}
    return mapping(value)


def _cached(metadata: Mapping[str, Any]) -> tuple[int | None, int | None, int | None]:
    """Tokens read from the cache, written to it, and spent on reasoning, wherever this version tells them."""
    usage = mapping(metadata.get("additional_usage_values")) or mapping(metadata.get("usage_object"))
    if not usage:
        return None, None, None
    read, written = usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")
    into = mapping(usage.get("prompt_tokens_details"))
    out_of = mapping(usage.get("completion_tokens_details"))
    return (
        optional_tokens(into.get("cached_tokens") if read is None else read, "cache_read_input_tokens"),
        optional_tokens(
            into.get("cache_creation_tokens") if written is None else written, "cache_creation_input_tokens"
        ),
        optional_tokens(out_of.get("reasoning_tokens"), "reasoning_tokens"),
    )


def _operation(call_type: str) -> str:
    if "embedding" in call_type:
        return "embedding"
    if not call_type or "completion" in call_type or "responses" in call_type or "messages" in call_type:
        return "chat"
    return call_type.removeprefix("a")[:64]


def _tag(tags: object) -> str | None:
    """The first tag that someone chose: those that LiteLLM adds by itself name the client's program."""
    if isinstance(tags, str):
        try:
            tags = _decode(tags)
        except (msgspec.DecodeError, RecursionError):
            return text(tags)
    if not isinstance(tags, list):
        return None
    for tag in tags:
        if isinstance(tag, str) and not tag.startswith("User-Agent:"):
            return text(tag)
    return None


LITELLM: Final = Format("litellm", "LiteLLM spend logs (JSON, JSON Lines, CSV)", _recognise, _read)
