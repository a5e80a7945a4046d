import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.importers.format import ImportOptions
from netra_backend.app.usage.importers.importing import Opened, import_rows, open_file, preview
from netra_backend.app.usage.importers.reading import batch
from netra_backend.app.usage.importers.reading.batch import Numbered
from netra_backend.app.usage.importers.reading.page import Columns, length
from netra_backend.app.usage.importers.reading.records import Layout
from netra_backend.app.usage.importers.reading.source import Progress

NOW = datetime(2026, 11, 22, tzinfo=UTC)
GOOD = {"timestamp": "2026-11-01T10:00:00Z", "model": "m", "input_tokens": 10, "output_tokens": 1}


def no_parquet(path: Path, progress: Progress) -> Iterator[Numbered]:
    raise AssertionError("only one test here has a Parquet file")


def lines(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def opened(path: Path, content: bytes, **options: Any) -> Opened:
    path = path / "usage"
    path.write_bytes(content)
    return open_file(path, ImportOptions.of(options), NOW, lambda done, total: None, no_parquet)


def test_rows_come_in_pages_and_all_of_them_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "PAGE", 4)
    pages: list[Columns] = []
    stats = import_rows(opened(tmp_path, gzip.compress(lines(*[GOOD] * 10))), pages.append)
    assert [length(page) for page in pages] == [4, 4, 2]
    assert (stats.accepted, stats.rejected, stats.input_tokens, stats.output_tokens) == (10, 0, 100, 10)


def test_bad_rows_are_counted_and_good_ones_kept(tmp_path: Path) -> None:
    content = lines(GOOD, {**GOOD, "input_tokens": -1}) + b"{broken\n" + lines(GOOD)
    stats = import_rows(opened(tmp_path, content), lambda columns: None)
    assert stats.accepted == 2
    assert stats.as_dict()["rejections"] == [
        {"reason": "input_tokens is negative", "count": 1, "examples": [{"record": 2, "value": "-1"}]},
        {"reason": "the line is not JSON", "count": 1, "examples": [{"record": 3, "value": "{broken"}]},
    ]


def test_a_file_of_which_no_row_can_be_used_is_refused_with_the_reasons(tmp_path: Path) -> None:
    given: list[Any] = []
    with pytest.raises(ToolError) as caught:
        import_rows(opened(tmp_path, lines({**GOOD, "input_tokens": "many"})), given.append)
    assert caught.value.code == "BAD_ROWS"
    assert "input_tokens is not a number" in caught.value.message
    assert caught.value.details["mapping"]["input_tokens"] == "input_tokens"
    assert given == []


def test_a_file_in_which_nothing_calls_a_model_is_refused_as_such(tmp_path: Path) -> None:
    span = {"type": "SPAN", "traceId": "t", "startTime": "2026-11-01", "usageDetails": {}}
    with pytest.raises(ToolError, match="no record reports the usage of a model"):
        import_rows(opened(tmp_path, lines(span)), lambda columns: None)


def test_a_bad_bucket_is_one_bad_row(tmp_path: Path) -> None:
    result = {"input_tokens": 5, "output_tokens": 1, "model": "m"}
    bucket = {"start_time": 1790812800, "end_time": 1790816400, "results": [result]}
    stats = import_rows(opened(tmp_path, lines(bucket, {**bucket, "results": None})), lambda columns: None)
    assert (stats.accepted, stats.rejected) == (1, 1)


def test_a_preview_shows_format_mapping_and_first_rows_and_takes_nothing(tmp_path: Path) -> None:
    as_dict = preview(opened(tmp_path, lines(*[GOOD] * 30, {**GOOD, "model": ""}), preview=True))
    assert (as_dict["format"], as_dict["layout"], as_dict["preview"]) == ("table", "json_lines", True)
    assert as_dict["mapping"]["ts"] == "timestamp"
    assert len(as_dict["first_rows"]) == 5
    assert as_dict["first_rows"][0]["input_tokens"] == 10
    assert (as_dict["of_the_first_records"]["accepted"], as_dict["of_the_first_records"]["rejected"]) == (30, 1)
    json.dumps(as_dict)


def test_a_mapping_makes_it_a_table_whatever_it_looks_like(tmp_path: Path) -> None:
    trace = {"timestamp": 1793527200, "input_length": 10, "output_length": 1, "hash_ids": [1]}
    mapped = opened(tmp_path, lines(trace), model="m", map={"input_tokens": "input_length"})
    assert mapped.format.name == "table"


def test_more_rows_than_a_dataset_may_hold_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "PAGE", 2)
    with pytest.raises(ToolError, match="more than 3 rows"):
        import_rows(opened(tmp_path, lines(*[GOOD] * 9)), lambda columns: None, 3)


def test_parquet_is_read_by_whoever_can(tmp_path: Path) -> None:
    (tmp_path / "usage").write_bytes(b"PAR1....")
    given = open_file(
        tmp_path / "usage", ImportOptions(), NOW, lambda done, total: None, lambda path, progress: iter([(1, GOOD)])
    )
    assert given.head.layout is Layout.PARQUET
    assert import_rows(given, lambda columns: None).accepted == 1
