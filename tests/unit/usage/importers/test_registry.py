import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.importers.format import Format, ImportOptions, Reading
from netra_backend.app.usage.importers.reading.batch import Table
from netra_backend.app.usage.importers.reading.page import Page, rows_of
from netra_backend.app.usage.importers.reading.records import Head, Layout
from netra_backend.app.usage.importers.reading.values import Times
from netra_backend.app.usage.importers.registry import FORMATS, load_formats, recognise
from netra_backend.app.usage.importers.row import BadRow, UsageRow

NOW = datetime(2026, 11, 22, tzinfo=UTC)
# Names that the formats read, so that what is generated comes near to them.
NAMES = (
        "request_id", "call_type", "spend", "prompt_tokens", "completion_tokens", "startTime", "endTime", "model",
        "metadata", "request_tags", "cache_key", "cache_hit", "status", "additional_usage_values", "usage_object",
        "prompt_tokens_details", "cache_read_input_tokens", "type", "traceId", "usageDetails", "costDetails",
        "level", "latency", "input", "output", "total", "start_time", "end_time", "results", "object", "batch",
        "input_tokens", "input_cached_tokens", "starting_at", "ending_at", "cache_creation",
        "uncached_input_tokens", "amount", "service_tier", "attributes", "key", "value", "scopeSpans", "spans",
        "resource", "context", "gen_ai.operation.name", "gen_ai.request.model", "gen_ai.usage.input_tokens",
        "startTimeUnixNano", "endTimeUnixNano", "timestamp", "input_length", "output_length", "hash_ids",
        "timing_events", "provider", "prefix_tokens", "input_tokens_total", "output_tokens", "TIMESTAMP",
        "ContextTokens", "GeneratedTokens", "is_batch", "code",
)  # fmt: skip
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-5, 2**64)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(
        ["2026-11-01T10:00:00Z", "GENERATION", "chat", "ERROR", "1793527200000000000", "{}", "[]", "completions"]
    )
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=6,
)


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
@given(record=st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1, max_size=20))
def test_whatever_a_record_holds_it_is_a_row_or_is_counted(format: Format, record: dict[str, Any]) -> None:
    first = {"timestamp": "x", "input_tokens": 1, "output_tokens": 1} if format.name == "table" else record
    head = Head(Layout.JSON_LINES, (first,), tuple(first))
    reading = format.read(head, ImportOptions(model="m"), Times(NOW))
    try:
        parts = list(reading.expand(record)) if reading.expand else [record]
    except BadRow as as_dict:
        assert as_dict.reason  # noqa: PT017 (either this, or its parts are rows)
        return
    assert outcomes(reading, parts) == [outcome for part in parts for outcome in outcomes(reading, [part])]


def outcomes(reading: Reading, records: Sequence[Any]) -> list[UsageRow | str]:
    """What became of each record of a page: its row, or why it is none."""
    if not records:
        return []
    page = Page(records)
    columns = page.finished(reading.convert(page))
    rows = rows_of(columns, len(records) - len(page.faults))
    return [page.faults[place].reason if place in page.faults else next(rows) for place in range(len(records))]


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
@given(
    records=st.lists(st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1, max_size=12), min_size=2, max_size=4)
)
def test_a_record_is_the_same_row_or_is_refused_for_the_same_reason_whatever_is_read_beside_it(
    format: Format, records: list[dict[str, Any]]
) -> None:
    first = {"timestamp": "x", "input_tokens": 1, "output_tokens": 1} if format.name == "table" else records[0]
    reading = format.read(Head(Layout.JSON_LINES, (first,), tuple(first)), ImportOptions(model="m"), Times(NOW))
    assert outcomes(reading, records) == [outcome for record in records for outcome in outcomes(reading, [record])]


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
@given(data=st.data(), names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=12, unique=True))
def test_records_that_come_as_columns_are_the_same_rows_as_those_that_come_one_by_one(
    format: Format, data: st.DataObject, names: list[str]
) -> None:
    texts = st.sampled_from(["", "5", "0.5", "2.5e-05", "-1", "2026-11-01T10:00:00Z", "GENERATION", "ok", "1793527200"])
    rows = data.draw(
        st.lists(st.lists(texts | VALUES, min_size=len(names), max_size=len(names)), min_size=1, max_size=4)
    )
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    records = [dict(zip(names, row, strict=True)) for row in rows]
    first = {"timestamp": "x", "input_tokens": "1", "output_tokens": "1"} if format.name == "table" else records[0]
    reading = format.read(Head(Layout.CSV, (first,), tuple(first)), ImportOptions(model="m"), Times(NOW))
    assert outcomes(reading, Table(columns, len(rows))) == outcomes(reading, records)


ODD: list[Any] = [{}, [], [{}], {"code": []}, {"code": {}}, True, -1, "", "x" * 300, float("nan")]


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_no_member_of_a_record_may_be_odd_enough_to_do_harm(format: Format, odd: Any) -> None:
    head = Head(Layout.JSON_LINES, ({"timestamp": "x", "input_tokens": 1, "output_tokens": 1},), ())
    reading = format.read(head, ImportOptions(model="m"), Times(NOW))
    moment = "2026-11-01T10:00:00Z"
    plain: dict[str, Any] = {name: moment if "ime" in name or name.endswith("ing_at") else 5 for name in NAMES}
    plain |= {
        "type": "GENERATION",
        "attributes": plain | {"gen_ai.operation.name": "chat"},
        "hash_ids": [1],
        "timestamp": 5,
    }
    plain |= {
        "end_time": "2026-11-02T10:00:00Z",
        "ending_at": "2026-11-02T10:00:00Z",
        "timing_events": [{"timestamp": moment}],
    }
    for name in NAMES:
        for place in (plain, plain["attributes"]):
            kept, place[name] = place[name], odd
            (outcome,) = outcomes(reading, [plain])
            assert outcome
            place[name] = kept


def test_formats_have_names_of_their_own_and_the_table_is_asked_last() -> None:
    names = [format.name for format in FORMATS]
    assert len(set(names)) == len(names)
    assert names[-1] == "table"


def test_the_user_may_name_the_format() -> None:
    head = Head(Layout.JSON_LINES, ({"a": 1},), ("a",))
    format, reason = recognise(head, "otel")
    assert (format.name, reason) == ("otel", "as requested")


def test_a_name_that_is_no_format_is_refused_with_those_that_are() -> None:
    with pytest.raises(ToolError) as caught:
        recognise(Head(Layout.CSV, (), ()), "excel")
    assert caught.value.code == "INVALID_ARGUMENTS"
    assert "litellm" in caught.value.hint


def test_what_no_format_recognises_is_unsupported_and_its_columns_are_shown() -> None:
    with pytest.raises(ToolError) as caught:
        recognise(Head(Layout.CSV, ({"city": "Rome"},), ("city",)), None)
    assert caught.value.code == "UNSUPPORTED_FORMAT"
    assert caught.value.details["columns"] == ["city"]
    assert set(caught.value.details["formats"]) == {format.name for format in FORMATS}


class TestAddedFormats:
    @pytest.fixture
    def acme(self, monkeypatch: pytest.MonkeyPatch) -> tuple[Format, Format]:
        def made(name: str, column: str) -> Format:
            recognise = lambda head: f"of {name}" if head.has(column) else None  # noqa: E731
            return Format(name, f"Invoice of {name}", recognise, FORMATS[0].read)

        one, two = made("one", "units"), made("two", "pieces")
        module = ModuleType("acme_formats")
        vars(module).update(ONE=one, BOTH=(one, two))
        monkeypatch.setitem(sys.modules, "acme_formats", module)
        return one, two

    def test_they_are_asked_after_ours_and_before_the_table(self, acme: tuple[Format, Format]) -> None:
        assert load_formats() == FORMATS
        assert load_formats(["acme_formats:ONE"]) == (*FORMATS[:-1], acme[0], FORMATS[-1])
        assert load_formats(["acme_formats:BOTH"]) == (*FORMATS[:-1], *acme, FORMATS[-1])

    def test_a_file_is_recognised_named_and_refused_with_them(self, acme: tuple[Format, Format]) -> None:
        formats = load_formats(["acme_formats:BOTH"])
        head = Head(Layout.CSV, ({"pieces": "1"},), ("pieces",))
        assert recognise(head, None, formats) == (acme[1], "of two")
        assert recognise(head, "one", formats)[0] is acme[0]
        for wrong, named in ((Head(Layout.CSV, ({"city": "Rome"},), ("city",)), None), (head, "three")):
            with pytest.raises(ToolError) as refused:
                recognise(wrong, named, formats)
            assert "two" in refused.value.details.get("formats", refused.value.hint)
