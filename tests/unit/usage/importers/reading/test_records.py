from collections.abc import Iterator
from operator import itemgetter

import pytest

from netra_backend.app.core.errors import ToolError
from netra_backend.app.core.limits import USUAL, Limits
from netra_backend.app.usage.importers.reading.batch import Batch, Numbered
from netra_backend.app.usage.importers.reading.records import Head, Layout, read
from netra_backend.app.usage.importers.row import BadRow


def cut(content: bytes, size: int = 11) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def flat(batches: Iterator[Batch]) -> list[Numbered]:
    """What stood in the file, in the order of the numbers."""
    pairs: list[Numbered] = []
    for batch in batches:
        pairs += [*batch.refused, *zip(batch.numbers, batch.records, strict=True)]
    return sorted(pairs, key=itemgetter(0))


def plain(content: bytes, size: int = 1 << 20, limits: Limits = USUAL) -> tuple[Head, list[object]]:
    head, batches = read(cut(content, size), limits)
    return head, [record.reason if isinstance(record, BadRow) else record for _, record in flat(batches)]


@pytest.mark.parametrize(
    ("content", "layout"),
    [
        (b'{"a": 1}\n{"a": 2}\n', Layout.JSON_LINES),
        (b'{"a": 1}\r\n\r\n{"a": 2}', Layout.JSON_LINES),
        (b'{"data": [{"a": 1}, {"a": 2}]}', Layout.JSON_LINES),
        (b'[{"a": 1}, {"a": 2}]', Layout.JSON),
        (b'{\n "data": [\n {"a": 1},\n {"a": 2}]}', Layout.JSON),
        (b'\xef\xbb\xbf [{"a": 1}, {"a": 2}]', Layout.JSON),
        (b'[{"a": 1}]\n[{"a": 2}]', Layout.JSON),
    ],
)
def test_the_layout_is_seen_and_the_records_are_the_same(content: bytes, layout: Layout) -> None:
    head, found = plain(content)
    assert head.layout is layout
    assert found == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_separated_values_are_read_by_whatever_separates_them(delimiter: str) -> None:
    text = f'a{delimiter}b\n1{delimiter}"x\n{delimiter}y"\n2{delimiter}z\n\n'
    head, found = plain(text.encode())
    assert head.columns == ("a", "b")
    assert found == [{"a": "1", "b": f"x\n{delimiter}y"}, {"a": "2", "b": "z"}]


def test_lines_are_the_same_wherever_the_bytes_are_cut() -> None:
    content = 'n,wört\n1,"ä\nö"\n2,ü\n'.encode()
    head, batches = read(iter([content[:40], b""] if len(content) < 40 else cut(content, 40)))
    assert [record for _, record in flat(batches)] == [{"n": "1", "wört": "ä\nö"}, {"n": "2", "wört": "ü"}]
    assert head.layout is Layout.CSV


def test_a_broken_line_is_one_bad_row_and_the_others_are_read() -> None:
    _, found = plain(b'{"a": 1}\n{"a": \nnull\n{"a": 2}\n{"a')
    assert found == [
        {"a": 1},
        "the line is not JSON",
        "the record is not a JSON object",
        {"a": 2},
        "the line is not JSON",
    ]


def test_a_damaged_first_line_does_not_hide_that_a_record_is_a_line() -> None:
    head, found = plain(b'{"a": \n{"a": 2}\n')
    assert head.layout is Layout.JSON_LINES
    assert found == ["the line is not JSON", {"a": 2}]


def test_nesting_without_end_is_a_bad_row() -> None:
    _, found = plain(b'{"a": 1}\n' + b'{"a":' * 100_000 + b"\n" + b'{"a": 2}\n')
    assert found == [{"a": 1}, "the line is not JSON", {"a": 2}]


def test_a_row_of_another_width_than_the_header_is_a_bad_row() -> None:
    _, found = plain(b"a,b\n1,2\n1\n1,2,3\n3,4\n")
    wrong = "the row and the header have different numbers of fields"
    assert found == [{"a": "1", "b": "2"}, wrong, wrong, {"a": "3", "b": "4"}]


@pytest.mark.parametrize(
    "content",
    [
        b"   \n ",
        b"\x7fELF\x02\x01\x01\0\0",
        "a,b\n1,2".encode("utf-16"),
        "spesa,città\n1,é".encode("latin-1"),
        b"a,b\n",
        b"a,a\n1,2\n",
        b"a,\n1,2\n",
        b",".join(b"c%d" % n for n in range(1001)) + b"\n1\n",
    ],
    ids=["space", "binary", "utf-16", "latin-1", "no rows", "doubled name", "missing name", "too wide"],
)
def test_what_is_no_text_with_records_is_unsupported_with_what_to_do(content: bytes) -> None:
    with pytest.raises(ToolError) as caught:
        plain(content)
    assert caught.value.code == "UNSUPPORTED_FORMAT"
    assert caught.value.hint


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(ToolError, match="line is longer"):
        plain(b'{"a": 1}\n{"a": "' + b"x" * 5000, 100, Limits(import_line_bytes=1000))


def test_a_field_without_end_is_refused() -> None:
    with pytest.raises(ToolError, match="table is damaged near line"):
        plain(b'a,b\n1,"' + b"x\n" * 500, limits=Limits(import_field_characters=100))
