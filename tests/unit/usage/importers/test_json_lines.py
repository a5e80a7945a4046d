import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.usage.importers import batch
from netra_backend.app.usage.importers.json_lines import json_lines
from netra_backend.app.usage.importers.row import BadRow

GOOD = st.fixed_dictionaries({"a": st.integers(0, 9)}).map(lambda record: json.dumps(record).encode())
WIDE = json.dumps({**{f"n{n}": n for n in range(8)}, "data": [1]}).encode()
ODD = st.sampled_from(
    [
        b"",
        b" \r",
        b"null",
        b"[1]",
        b'{"a": ',
        b'{"a": 1}{"a": 2}',
        b'{"data": [{"a": 3}, 4]}',
        b'{"data": 5}',
        b"{",
        b"}",
    ]
) | st.sampled_from([b'{"a": "\xff"}', b'{"a": "\\ud800"}', b"[" * 3000, b'{"a": 1e999}', b'{"a": 1}\r', WIDE])


def told(blocks: list[bytes]) -> list[tuple[int, Any]]:
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
)
def test_lines_hold_the_same_records_whatever_stands_beside_them(lines: list[bytes], cut: int) -> None:
    expected = [pair for number, line in enumerate(lines, 1) for pair in of_line(number, line)]
    found = told([b"\n".join(part) for part in (lines[:cut], lines[cut:]) if part])
    assert sorted(found, key=repr) == sorted(expected, key=repr)


def test_a_line_with_very_many_records_comes_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "PAGE", 10)
    line = json.dumps({"spans": [{"a": n} for n in range(25)]}).encode()
    assert [len(some.records) for some in json_lines(iter([line]))] == [10, 10, 5]
