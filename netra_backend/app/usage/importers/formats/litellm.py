"""LiteLLM's spend logs (table ``LiteLLM_SpendLogs``), as JSON, JSON Lines or CSV.

``prompt_tokens`` includes what was read from and written to the provider's cache; how much that was stands in ``metadata``,
under ``additional_usage_values`` or, in newer versions, ``usage_object``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ...rows import Capability, Status
from ..format import REQUESTS, Format, ImportOptions, Reading
from ..reading.page import Columns, Page, first_of, members
from ..reading.records import Head
from ..reading.timestamps import Moments, elapsed
from ..reading.values import EARLIEST, Times, mapping
from ..row import ERROR, OK, REQUEST, BadRow

_NO_KEY: Final = "Cache OFF"
_HIT: Final = ("True", "true")
_CLIENT: Final = "User-Agent:"
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
        start = page.timestamps(member("startTime"), "startTime", times)
        metadata = _all_nested(member("metadata"))
        read, written, reasoning = _all_cached(metadata)
        read = page.optional_tokens(read, "cache_read_input_tokens")
        written = page.optional_tokens(written, "cache_creation_input_tokens")
        reasoning = page.optional_tokens(reasoning, "reasoning_tokens")
        failed = page.of_few(_failed, False, _either(member("status"), metadata, "status"))
        return {
            "ts": start,
            "latency_ms": _duration(page, start, times),
            "provider": page.text(member("custom_llm_provider")),
            "model": _model(page, failed),
            "operation": page.of_few(_operation, "", member("call_type")),
            "status": _status(page, failed),
            "requests": 1,
            "input_tokens": page.tokens(member("prompt_tokens"), "prompt_tokens"),
            "cache_read_tokens": read,
            "cache_write_tokens": written,
            "output_tokens": page.tokens(member("completion_tokens"), "completion_tokens"),
            "reasoning_tokens": reasoning,
            "cost_reported_usd": page.money(member("spend"), "spend"),
            "session_id": page.text(member("session_id")),
            "request_id": page.text(member("request_id")),
            "feature": page.text(_tags(member("request_tags"))),
            "team": first_of(page.text(members(metadata, "user_api_key_team_alias")), page.text(member("team_id"))),
            "end_user": first_of(page.text(member("end_user")), page.text(member("user"))),
            "prompt_hash": _keys(page.text(member("cache_key"))),
            "source": LITELLM.name,
            "granularity": REQUEST,
        }

    return Reading(convert, REQUESTS | {Capability.STATUSES})


def _duration(page: Page, start: Moments, times: Times) -> list[float | None]:
    """What the log says that requests took, else from their start to their end."""
    given = page.milliseconds(page.member("request_duration_ms"), "request_duration_ms")
    ends = page.member("endTime")
    if given.count(None) == len(given) and all(ends):
        return elapsed(start, page.timestamps(ends, "endTime", times))
    asked = [known is None and bool(end) for known, end in zip(given, ends, strict=True)]
    if not any(asked):
        return given
    until = page.timestamps([end if ask else EARLIEST for end, ask in zip(ends, asked, strict=True)], "endTime", times)
    return [one if ask else known for known, one, ask in zip(given, elapsed(start, until), asked, strict=True)]


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
    usages = members(metadata, "additional_usage_values")
    if not all(usages):
        usages = [of or within.get("usage_object") or _NOTHING for of, within in zip(usages, metadata, strict=True)]
    if set(map(type, usages)) == {dict} and _DETAILED.isdisjoint(names := set().union(*usages)):
        read, written = (
            members(usages, name) if name in names else [None] * len(usages)
            for name in ("cache_read_input_tokens", "cache_creation_input_tokens")
        )
        return read, written, [None] * len(usages)
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


def _either(values: list[Any], within: list[Mapping[str, Any]], name: str) -> list[Any]:
    """Each value, or what stands under ``name`` in the object beside it if there is none."""
    return values if all(values) else [of or inner.get(name) for of, inner in zip(values, within, strict=True)]


def _failed(word: object) -> bool:
    return word != "success" and "fail" in str(word).lower()


def _status(page: Page, failed: list[bool]) -> list[str]:
    """What became of each request; an answer from the gateway's own cache goes before a failure."""
    hits = page.of_few(_hit, False, page.member("cache_hit"))
    found = [ERROR if bad else OK for bad in failed] if True in failed else [OK] * len(failed)
    if True not in hits:
        return found
    return [Status.GATEWAY_CACHE.value if hit else other for hit, other in zip(hits, found, strict=True)]


def _hit(given: object) -> bool:
    return given is True or given in _HIT


def _keys(found: list[str | None]) -> list[str | None]:
    return [None if key == _NO_KEY else key for key in found] if _NO_KEY in found else found


def _operation(given: object) -> str:
    call_type = str(given or "")
    if "embedding" in call_type:
        return "embedding"
    if not call_type or "completion" in call_type or "responses" in call_type or "messages" in call_type:
        return "chat"
    return call_type.removeprefix("a")[:64]


def _tags(given: list[Any]) -> list[Any]:
    """``_tag`` of each."""
    if set(map(type, given)) == {list} and all(given):
        first = [tags[0] for tags in given]
        if set(map(type, first)) == {str} and not any(tag.startswith(_CLIENT) for tag in set(first)):
            return first
    return list(map(_tag, given))


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
        if isinstance(tag, str) and not tag.startswith(_CLIENT):
            return tag
    return None


LITELLM: Final = Format("litellm", "LiteLLM spend logs (JSON, JSON Lines, CSV)", _recognise, _read)
