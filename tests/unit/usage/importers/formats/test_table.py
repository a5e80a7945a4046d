from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.importers.format import ImportOptions, Reading
from netra_backend.app.usage.importers.formats.table import TABLE, getter
from netra_backend.app.usage.importers.reading.batch import batched
from netra_backend.app.usage.importers.reading.page import Page, rows_of
from netra_backend.app.usage.importers.reading.records import Layout, with_head
from netra_backend.app.usage.importers.reading.values import Times
from netra_backend.app.usage.importers.row import UsageRow

RECORD = {
    "timestamp": "2026-11-01T10:00:00Z",
    "model": "gpt-4o",
    "input_tokens": "1000",
    "output_tokens": "50",
}


def test_a_header_is_mapped_by_what_its_names_say(converted: Callable[..., Any]) -> None:
    more = {"latency_ms": "12.5", "cost": "0.5", "team": "a", "user_id": "u", "status": "200", "is_batch": "false"}
    (row,), _ = converted(TABLE, {**RECORD, **more})
    assert (row.input_tokens, row.output_tokens, row.latency_ms, row.cost_reported_usd) == (
        1000,
        50,
        12.5,
        "0.5",
    )
    assert (row.team, row.end_user, row.status, row.is_batch, row.requests) == ("a", "u", "ok", False, 1)


def row_of(reading: Reading, record: dict[str, Any]) -> UsageRow:
    (row,) = rows_of(reading.convert(Page([record])), 1)
    return row


def test_a_given_mapping_goes_before_the_guess(converted: Callable[..., Any]) -> None:
    odd = {"when": "2026-11-01", "in": 5, "out": 1, "model": "m"}
    head, _ = with_head(Layout.CSV, batched(iter([(1, odd)])))
    options = ImportOptions.of({"map": {"ts": "when", "input_tokens": "in", "output_tokens": "out"}})
    assert TABLE.recognise(head) is None
    row = row_of(TABLE.read(head, options, _times()), odd)
    assert (row.input_tokens, row.output_tokens, row.ts.isoformat()) == (5, 1, "2026-11-01T00:00:00+00:00")


def test_the_mapping_is_shown() -> None:
    head, _ = with_head(Layout.CSV, batched(iter([(1, RECORD)])))
    reading = TABLE.read(head, ImportOptions(), _times())
    assert reading.mapping == {
        "ts": "timestamp",
        "model": "model",
        "input_tokens": "input_tokens",
        "output_tokens": "output_tokens",
    }
    assert "input_tokens = input_tokens" in (TABLE.recognise(head) or "")


def test_nested_usage_is_found(converted: Callable[..., Any]) -> None:
    record = {"created": 1793527200, "model": "m", "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
    rows, stats = converted(TABLE, record, {**record, "usage": None})
    assert (rows[0].input_tokens, rows[0].output_tokens) == (7, 2)
    assert stats.as_dict()["rejections"][0]["reason"] == "usage.prompt_tokens is missing"


def test_input_that_is_told_without_the_cache_gets_it_added(converted: Callable[..., Any]) -> None:
    record = {
        "timestamp": "2026-11-01",
        "model": "m",
        "uncached_input_tokens": 10,
        "cached_tokens": 90,
        "output_tokens": 1,
    }
    (row,), _ = converted(TABLE, record)
    assert (row.input_tokens, row.cache_read_tokens) == (100, 90)


def test_input_that_is_less_than_the_cache_is_taken_to_leave_it_out_and_that_is_told() -> None:
    record = {**RECORD, "input_tokens": 10, "cached_tokens": 90}
    head, _ = with_head(Layout.CSV, batched(iter([(1, record)])))
    reading = TABLE.read(head, ImportOptions(), _times())
    assert row_of(reading, record).input_tokens == 100
    assert "assumed not to include them" in reading.notes[0]


def test_input_beside_a_cache_is_taken_to_include_it_and_that_is_told(converted: Callable[..., Any]) -> None:
    record = {**RECORD, "cached_tokens": 90}
    head, _ = with_head(Layout.CSV, batched(iter([(1, record)])))
    assert "map uncached_input_tokens=input_tokens" in TABLE.read(head, ImportOptions(), _times()).notes[0]
    rows, stats = converted(TABLE, *[record] * 60, {**record, "cached_tokens": 9999})
    assert rows[0].input_tokens == 1000
    assert stats.as_dict()["rejections"][0]["reason"] == "the cached tokens are more than the input tokens"


def test_the_user_may_say_that_input_leaves_the_cache_out() -> None:
    record = {**RECORD, "cached_tokens": 90}
    head, _ = with_head(Layout.CSV, batched(iter([(1, record)])))
    options = ImportOptions.of({"map": {"uncached_input_tokens": "input_tokens"}})
    assert row_of(TABLE.read(head, options, _times()), record).input_tokens == 1090


def test_what_no_column_tells_is_named_with_how_to_say_it() -> None:
    head, _ = with_head(Layout.CSV, batched(iter([(1, {"when": "x", "words": "y"})])))
    with pytest.raises(ToolError) as caught:
        TABLE.read(head, ImportOptions(), _times())
    assert caught.value.code == "UNSUPPORTED_FORMAT"
    assert caught.value.details["missing"] == ["ts", "output_tokens", "input_tokens", "model"]
    assert "--map ts=COLUMN" in caught.value.hint


@pytest.mark.parametrize("wrong", [{"ts": "nowhere"}, {"nothing": "timestamp"}, {"source": "model"}])
def test_a_mapping_of_what_there_is_not_is_refused(wrong: dict[str, str]) -> None:
    head, _ = with_head(Layout.CSV, batched(iter([(1, RECORD)])))
    with pytest.raises(ToolError, match="names columns that do not exist") as caught:
        TABLE.read(head, ImportOptions.of({"map": wrong}), _times())
    assert caught.value.code == "INVALID_ARGUMENTS"


def test_a_table_without_models_is_priced_as_the_one_that_is_named(converted: Callable[..., Any]) -> None:
    record = {name: value for name, value in RECORD.items() if name != "model"}
    (row,), _ = converted(TABLE, record, model="gpt-4o")
    assert row.model == "gpt-4o"


def test_sums_of_requests_are_buckets(converted: Callable[..., Any]) -> None:
    (row,), _ = converted(TABLE, {**RECORD, "num_requests": 12})
    assert (row.requests, row.granularity) == (12, "bucket")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("", "ok"),
        ("Success", "ok"),
        ("204", "ok"),
        ("stop", "ok"),
        ("FAILED", "error"),
        ("429", "error"),
        ("timed out", "error"),
        ("cache_hit", "gateway_cache"),
    ],
)
def test_words_and_numbers_for_a_status_are_understood(converted: Callable[..., Any], word: str, status: str) -> None:
    (row,), _ = converted(TABLE, {**RECORD, "status": word})
    assert row.status == status


def test_a_status_or_a_flag_that_says_neither_is_a_bad_row(converted: Callable[..., Any]) -> None:
    _, stats = converted(TABLE, RECORD, {**RECORD, "status": "purple", "is_batch": ""}, {**RECORD, "is_batch": "maybe"})
    assert {entry["reason"] for entry in stats.as_dict()["rejections"]} == {
        "status means neither success nor failure",
        "is_batch is neither true nor false",
    }


def test_latency_in_seconds_becomes_milliseconds(converted: Callable[..., Any]) -> None:
    (row,), _ = converted(TABLE, {**RECORD, "latency_seconds": "1.5"})
    assert row.latency_ms == 1500


def test_a_plain_name_with_a_dot_goes_before_a_path() -> None:
    assert getter("a.b")({"a.b": 1, "a": {"b": 2}}) == 1
    assert getter("a.b")({"a": {"b": 2}}) == 2
    assert getter("a.b")({"a": 5}) is None


def _times() -> Times:
    from datetime import UTC, datetime

    return Times(datetime(2026, 11, 22, tzinfo=UTC))
