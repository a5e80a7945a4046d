"""LiteLLM's spend logs (table ``LiteLLM_SpendLogs``), as JSON, JSON Lines or CSV.

``prompt_tokens`` includes what was read from and written to the provider's cache; how much that was stands in ``metadata``,
under ``additional_usage_values`` or, in newer versions, ``usage_object``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from ..rows import Capability, Status
from .format import REQUESTS, Format, ImportOptions, Reading
from .moments import Moments, elapsed
from .page import Columns, Page, first_of
from .records import Head
from .row import ERROR, OK, REQUEST, BadRow
from .values import EARLIEST, Times, mapping

_NO_KEY: Final = "Cache OFF"
_HIT: Final = ("True", "true")
_NOTHING: Final[dict[str, Any]] = {}
_DETAILED: Final = frozenset({"prompt_tokens_details", "completion_tokens_details"})
_decode: Final = msgspec.json.Decoder().decode


def _recognise(head: Head) -> str | None:
    if head.has("request_id", "call_type", "spend", "prompt_tokens", "completion_tokens", "startTime"):
        return "records have the columns of LiteLLM_SpendLogs (call_type, spend, prompt_tokens, startTime)"
    return None


def _read(head: Head, options: ImportOptions, times: Times) -> Reading:
    def convert(page: Page) -> Columns:
        member = page.member
        start = page.moments(member("startTime"), "startTime", times)
        metadata = _all_nested(member("metadata"))
        read, written, reasoning = _all_cached(metadata)
        read = page.optional_tokens(read, "cache_read_input_tokens")
        written = page.optional_tokens(written, "cache_creation_input_tokens")
        reasoning = page.optional_tokens(reasoning, "reasoning_tokens")
        said = [of or within.get("status") for of, within in zip(member("status"), metadata, strict=True)]
        failed = [word != "success" and "fail" in str(word).lower() for word in said]
        return {
            "ts": start,
            "latency_ms": _duration(page, start, times),
            "provider": page.text(member("custom_llm_provider")),
            "model": _model(page, failed),
            "operation": [_operation(str(call or "")) for call in member("call_type")],
            "status": [
                Status.GATEWAY_CACHE.value if hit is True or hit in _HIT else ERROR if bad else OK
                for hit, bad in zip(member("cache_hit"), failed, strict=True)
            ],
            "requests": 1,
            "input_tokens": page.tokens(member("prompt_tokens"), "prompt_tokens"),
            "cache_read_tokens": read,
            "cache_write_tokens": written,
            "output_tokens": page.tokens(member("completion_tokens"), "completion_tokens"),
            "reasoning_tokens": reasoning,
            "cost_reported_usd": page.money(member("spend"), "spend"),
            "session_id": page.text(member("session_id")),
            "request_id": page.text(member("request_id")),
            "feature": page.text(list(map(_tag, member("request_tags")))),
            "team": first_of(
                page.text([of.get("user_api_key_team_alias") for of in metadata]), page.text(member("team_id"))
            ),
            "end_user": first_of(page.text(member("end_user")), page.text(member("user"))),
            "prompt_hash": [None if key == _NO_KEY else key for key in page.text(member("cache_key"))],
            "source": LITELLM.name,
            "granularity": REQUEST,
        }

    return Reading(convert, REQUESTS | {Capability.STATUSES})


def _duration(page: Page, start: Moments, times: Times) -> list[float | None]:
    """What the log says that requests took, else from their start to their end."""
    told = page.milliseconds(page.member("request_duration_ms"), "request_duration_ms")
    ends = page.member("endTime")
    asked = [known is None and bool(end) for known, end in zip(told, ends, strict=True)]
    if not any(asked):
        return told
    until = page.moments([end if ask else EARLIEST for end, ask in zip(ends, asked, strict=True)], "endTime", times)
    return [one if ask else known for known, one, ask in zip(told, elapsed(start, until), asked, strict=True)]


def _model(page: Page, failed: list[bool]) -> list[str]:
    """The model, or the group that the gateway chose it from; a failure may name neither."""
    found = first_of(page.text(page.member("model")), page.text(page.member("model_group")))
    if None in found:
        for place, name in enumerate(found):
            if name is None and not failed[place]:
                page.refuse(place, BadRow("model is missing"))
    return [name or "unknown" for name in found]


def nested(value: object) -> Mapping[str, Any]:
    """An object that may have been exported as its JSON text."""
    if isinstance(value, str):
        try:
            value = _decode(value)
        except (msgspec.DecodeError, RecursionError):
            return {}
    return mapping(value)


def _all_nested(values: list[Any]) -> list[Mapping[str, Any]]:
    """``nested`` of each."""
    return values if set(map(type, values)) == {dict} else list(map(nested, values))


def _all_cached(metadata: list[Mapping[str, Any]]) -> tuple[list[Any], list[Any], list[Any]]:
    """``_cached`` of each, column by column."""
    usages: list[Any] = [of.get("additional_usage_values") or of.get("usage_object") or _NOTHING for of in metadata]
    if set(map(type, usages)) == {dict} and all(map(_DETAILED.isdisjoint, usages)):
        read = [of.get("cache_read_input_tokens") for of in usages]
        return read, [of.get("cache_creation_input_tokens") for of in usages], [None] * len(usages)
    cached = list(map(_cached, metadata))
    return [read for read, _, _ in cached], [written for _, written, _ in cached], [spent for _, _, spent in cached]


def _cached(metadata: Mapping[str, Any]) -> tuple[object, object, object]:
    """Tokens read from the cache, written to it, and spent on reasoning, wherever this version tells them."""
    usage = mapping(metadata.get("additional_usage_values")) or mapping(metadata.get("usage_object"))
    if not usage:
        return None, None, None
    read, written = usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")
    into = mapping(usage.get("prompt_tokens_details"))
    return (
        into.get("cached_tokens") if read is None else read,
        into.get("cache_creation_tokens") if written is None else written,
        mapping(usage.get("completion_tokens_details")).get("reasoning_tokens"),
    )


@lru_cache(maxsize=256)
def _operation(call_type: str) -> str:
    if "embedding" in call_type:
        return "embedding"
    if not call_type or "completion" in call_type or "responses" in call_type or "messages" in call_type:
        return "chat"
    return call_type.removeprefix("a")[:64]


def _tag(tags: object) -> object:
    """The first tag that someone chose: those that LiteLLM adds by itself name the client's program."""
    if isinstance(tags, str):
        try:
            tags = _decode(tags)
        except (msgspec.DecodeError, RecursionError):
            return tags
    if not isinstance(tags, list):
        return None
    for tag in tags:
        if isinstance(tag, str) and not tag.startswith("User-Agent:"):
            return tag
    return None


LITELLM: Final = Format("litellm", "LiteLLM spend logs (JSON, JSON Lines, CSV)", _recognise, _read)
