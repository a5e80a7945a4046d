import json
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.usage.importers.reading import batch
from netra_backend.app.usage.importers.reading.json_lines import json_lines
from netra_backend.app.usage.importers.row import BadRow

GOOD = st.fixed_dictionaries({"a": st.integers(0, 9), "b": st.none() | st.text(max_size=2)}).map(
    lambda record: json.dumps(record).encode()
)
WIDE = json.dumps({**{f"n{n}": n for n in range(8)}, "data": [1]}).encode()
DAMAGED = [b"", b" \r", b"null", b"[1]", b'{"a": ', b"{", b"}", b'{"a": 1}{"a": 2}', b"[" * 3000]
SINGLE = [b'{"b": 1}', b'{"b": 1, "a": 2, "b": 3}', b'{"a": 1, "b": 2, "c": 3}', b'{"a": 1, "b": 1}\r', WIDE]
SEVERAL = [b'{"data": [{"a": 3, "b": 1}, 4]}', b'{"data": 5}', b'{"data": 5, "b": 1}']
NO_TEXT = [b'{"a": "\xff"}', b'{"a": 1, "b": "\xff"}', b'{"a": "\\ud800", "b": 1}', b'{"a": 1e999, "b": 1}']
ODD = st.sampled_from([*DAMAGED, *SINGLE, *SEVERAL, *NO_TEXT])


def as_dict(blocks: list[bytes]) -> list[tuple[int, Any]]:
    return [
        (number, record.reason if isinstance(record, BadRow) else record)
        for some in json_lines(iter(blocks))
        for number, record in sorted(
            [*some.refused, *zip(some.numbers, some.records, strict=True)], key=lambda pair: pair[0]
        )
    ]


def of_line(number: int, line: bytes) -> list[tuple[int, Any]]:
    """What one line holds, found in the plainest way."""
    try:
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [(number, "the line is not JSON")] if line.strip() else []
    parts = record if isinstance(record, list) else [record]
    if isinstance(record, dict) and len(record) <= 8 and isinstance(record.get("data"), list):
        parts = record["data"]
    return [(number, part if isinstance(part, dict) else "the record is not a JSON object") for part in parts]


@given(
    lines=st.lists(GOOD, min_size=1, max_size=12) | st.lists(GOOD | ODD, min_size=1, max_size=12),
    cut=st.integers(0, 12),
    page=st.integers(1, 4),
)
def test_lines_hold_the_same_records_whatever_stands_beside_them(lines: list[bytes], cut: int, page: int) -> None:
    expected = [pair for number, line in enumerate(lines, 1) for pair in of_line(number, line)]
    with patch.object(batch, "PAGE", page):
        found = as_dict([b"\n".join(part) for part in (lines[:cut], lines[cut:]) if part])
    assert sorted(map(written, found)) == sorted(map(written, expected))


def written(pair: tuple[int, Any]) -> tuple[int, str]:
    return pair[0], json.dumps(pair[1], sort_keys=True)


def test_a_line_with_very_many_records_comes_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "PAGE", 10)
    line = json.dumps({"spans": [{"a": n} for n in range(25)]}).encode()
    assert [len(some.records) for some in json_lines(iter([line]))] == [10, 10, 5]
