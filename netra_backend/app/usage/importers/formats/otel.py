"""OpenTelemetry spans with the GenAI conventions, as OTLP JSON (one document, or one batch a line) or one span a line.

``gen_ai.usage.input_tokens`` includes what was read from and written to the cache. Spans of agents and tools are not counted:
their usage is that of the calls below them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ...rows import Capability
from ..format import REQUESTS, Format, ImportOptions, Reading
from ..reading.batch import Record
from ..reading.page import by_row
from ..reading.records import Head
from ..reading.values import Times, elapsed_ms, mapping, optional_tokens, required_text, text, tokens
from ..row import ERROR, OK, REQUEST, BadRow, NotUsage, UsageRow

MAX_SPANS: Final = 1_000_000
_OPERATIONS: Final = {"embeddings": "embedding", "chat": "chat", "generate_content": "chat", "text_completion": "chat"}
_ABOVE_CALLS: Final = frozenset({"invoke_agent", "create_agent", "execute_tool", "invoke_workflow"})
_FAILED: Final = frozenset({"2", "STATUS_CODE_ERROR", "ERROR"})


def _recognise(head: Head) -> str | None:
    if head.has("scopeSpans") or head.has("instrumentationLibrarySpans"):
        return "the document is OTLP JSON (resourceSpans, scopeSpans)"
    for record in head.records:
        if any(str(name).startswith("gen_ai.") for name in attributes(record.get("attributes"))):
            return "records are spans with gen_ai attributes"
    return None


def _read(head: Head, options: ImportOptions, times: Times) -> Reading:
    def convert(span: Record) -> UsageRow:
        get = attributes(span.get("attributes")).get
        asked = text(get("gen_ai.operation.name"))
        model = text(get("gen_ai.response.model")) or text(get("gen_ai.request.model"))
        if asked in _ABOVE_CALLS or (model is None and asked is None):
            raise NotUsage("the span is not a model call")
        status = mapping(span.get("status"))
        failed = str(_either(status.get("code"), status.get("status_code"))) in _FAILED
        into = _either(get("gen_ai.usage.input_tokens"), get("gen_ai.usage.prompt_tokens"))
        out_of = _either(get("gen_ai.usage.output_tokens"), get("gen_ai.usage.completion_tokens"))
        if into is None and out_of is None and not failed:
            raise BadRow("the span has no gen_ai.usage", asked)
        total = optional_tokens(into, "gen_ai.usage.input_tokens") or 0
        read = optional_tokens(get("gen_ai.usage.cache_read.input_tokens"), "cache_read.input_tokens")
        written = optional_tokens(get("gen_ai.usage.cache_creation.input_tokens"), "cache_creation.input_tokens")
        if (read or 0) + (written or 0) > total:
            raise BadRow("the cached tokens are more than gen_ai.usage.input_tokens", total)
        start = times.read(_either(span.get("startTimeUnixNano"), span.get("start_time")), "startTimeUnixNano")
        end = _either(span.get("endTimeUnixNano"), span.get("end_time"))
        context = mapping(span.get("context"))
        return UsageRow(
            ts=start,
            provider=text(get("gen_ai.provider.name")) or text(get("gen_ai.system")),
            model=model or required_text(None, "gen_ai.request.model"),
            operation=_OPERATIONS.get(asked or "chat", "chat"),
            status=ERROR if failed else OK,
            requests=1,
            input_tokens=total,
            cache_read_tokens=read,
            cache_write_tokens=written,
            output_tokens=tokens(out_of or 0, "gen_ai.usage.output_tokens"),
            reasoning_tokens=optional_tokens(get("gen_ai.usage.reasoning.output_tokens"), "reasoning.output_tokens"),
            latency_ms=None if end is None else elapsed_ms(start, times.read(end, "endTimeUnixNano")),
            session_id=text(get("gen_ai.conversation.id")) or text(get("session.id")),
            request_id=text(get("gen_ai.response.id")) or text(span.get("spanId")) or text(context.get("span_id")),
            feature=text(get("service.name")),
            end_user=text(get("enduser.id")) or text(get("user.id")),
            service_tier=text(get("gen_ai.openai.response.service_tier")),
            source=OTEL.name,
            granularity=REQUEST,
        )

    return Reading(by_row(convert), REQUESTS | {Capability.STATUSES}, spans_of)


def spans_of(record: Record) -> Iterator[Record]:
    """The spans of one element of ``resourceSpans``, each with the resource's attributes; a single span as it is."""
    scopes = record.get("scopeSpans", record.get("instrumentationLibrarySpans"))
    if scopes is None:
        yield record
        return
    resource = attributes(mapping(record.get("resource")).get("attributes"))
    for scope in scopes if isinstance(scopes, list) else ():
        spans = mapping(scope).get("spans")
        if not isinstance(spans, list) or len(spans) > MAX_SPANS:
            raise BadRow("scopeSpans has no list of spans")
        for span in spans:
            if not isinstance(span, dict):
                raise BadRow("a span is not a JSON object", span)
            yield {**span, "attributes": {**resource, **attributes(span.get("attributes"))}}


def attributes(given: object) -> dict[str, Any]:
    """Attributes as a plain dict, whether they came as OTLP's list of typed values or as one already."""
    if isinstance(given, dict):
        return given
    found: dict[str, Any] = {}
    for entry in given if isinstance(given, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("key"), str):
            # A typed value is an object of one member: {"stringValue": …}, {"intValue": "12"}, …
            value = entry.get("value")
            found[entry["key"]] = next(iter(value.values()), None) if isinstance(value, dict) else value
    return found


def _either(newer: object, older: object) -> object:
    return older if newer is None else newer


OTEL: Final = Format("otel", "OpenTelemetry GenAI spans (OTLP JSON)", _recognise, _read)
