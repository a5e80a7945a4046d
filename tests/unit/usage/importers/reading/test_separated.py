import csv
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from hypothesis import example, given
from hypothesis import strategies as st

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.importers.reading import batch
from netra_backend.app.usage.importers.reading.batch import Table
from netra_backend.app.usage.importers.reading.separated import delimiter_of, separated
from netra_backend.app.usage.importers.row import BadRow

PLAIN = st.lists(st.sampled_from(["", "x", "é", "1.5", "\u2028", " ", "'"]), min_size=3, max_size=3).map(",".join)
ODD = st.text('ab,"\r\0é ', max_size=8) | st.just("1,2") | st.just('"a\nb",2,3')
LINES = st.lists(PLAIN, max_size=9) | st.lists(PLAIN | ODD, max_size=9)


def as_dict(content: bytes, cut: int = 1 << 20) -> list[tuple[int, Any]]:
    lines = content.split(b"\n")
    parts = [b"\n".join(lines[at : at + cut]) for at in range(0, len(lines), cut)]
    return [
        (number, record.reason if isinstance(record, BadRow) else record)
        for some in separated(iter(parts), ",")
        for number, record in sorted(
            [*some.refused, *zip(some.numbers, some.records, strict=True)], key=lambda pair: pair[0]
        )
    ]


def one_by_one(content: bytes) -> Iterator[tuple[int, Any]]:
    """The rows as the standard library reads them."""
    reader = csv.reader(line.decode("utf-8", "replace") + "\n" for line in content.split(b"\n"))
    header = next(row for row in reader if row)
    for values in reader:
        if len(values) == len(header):
            yield reader.line_num, dict(zip(header, values, strict=True))
        elif values and values != [""]:
            yield reader.line_num, "the row and the header have different numbers of fields"


def outcome(read: Callable[[], list[tuple[int, Any]]]) -> list[tuple[int, Any]] | str:
    """The rows, or that no reader takes this."""
    try:
        return read()
    except (ToolError, csv.Error):
        return "damaged"


@given(lines=LINES, cut=st.integers(1, 5), page=st.integers(1, 4))
@example(["1,2,3", '1,"2', "", '3",4', "5,6,7", "8,9,10"], 3, 2)
@example(['"', "1,2,3", "4,5,6"], 1, 1)
def test_rows_are_what_the_standard_library_reads_whatever_stands_beside_them(
    lines: list[str], cut: int, page: int
) -> None:
    content = "\n".join(["\n\na,b,c", *lines]).encode()
    with patch.object(batch, "PAGE", page):
        assert outcome(lambda: as_dict(content, cut)) == outcome(lambda: list(one_by_one(content)))


def test_bytes_that_are_no_text_spoil_no_more_than_their_place() -> None:
    content = b"a,b\n1,\xff\n\xe2\x82,4\n5,6\n"
    assert as_dict(content) == list(one_by_one(content))


def test_plain_lines_become_columns() -> None:
    (some,) = separated(iter([b"a,b\n1,2\n3,4"]), ",")
    assert isinstance(some.records, Table)
    assert (list(some.numbers), some.records.member("b")) == ([2, 3], ["2", "4"])


def test_the_delimiter_is_what_stands_most_often_in_the_header() -> None:
    assert [delimiter_of(f"\na{one}b{one}c,d\n1,2,3,4".encode()) for one in ",;\t|"] == [",", ";", "\t", "|"]
