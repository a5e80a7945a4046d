from typing import Any

import pytest

from netra_backend.app.usage.importers.reading import batch
from netra_backend.app.usage.importers.reading.batch import Numbered, Table, batched, pages
from netra_backend.app.usage.importers.row import BadRow


def test_records_that_come_one_by_one_keep_their_numbers_and_bad_ones_stand_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batch, "PAGE", 3)
    bad = BadRow("bad")
    numbered: list[Numbered] = [(1, {"a": 1}), (2, bad), (2, {"a": 2}), (5, {"a": 5})]
    found = [(list(some.numbers), list(some.records), list(some.refused)) for some in batched(iter(numbered))]
    assert found == [([1, 2], [{"a": 1}, {"a": 2}], [(2, bad)]), ([5], [{"a": 5}], [])]


def test_a_table_holds_the_records_that_its_columns_make() -> None:
    records: list[dict[str, Any]] = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 3, "b": "z"}]
    table = Table({"a": [1, 2, 3], "b": ["x", "y", "z"]}, 3)
    assert list(table) == records
    assert [table[place] for place in range(len(table))] == records
    assert table[1:] == records[1:]
    assert table.member("b") == ["x", "y", "z"]
    assert table.member("c") == [None] * 3


def test_pages_are_parts_of_bounded_size_that_hold_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "PAGE", 2)
    assert list(pages([1, 2, 3, 4, 5])) == [[1, 2], [3, 4], [5]]
    assert list(pages([])) == []
