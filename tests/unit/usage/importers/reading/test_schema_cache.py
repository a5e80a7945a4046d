import json
from typing import Any

import pytest

from netra_backend.app.usage.importers.reading import schema_cache
from netra_backend.app.usage.importers.reading.batch import Table
from netra_backend.app.usage.importers.reading.schema_cache import MAX_MEMBERS, SchemaCache


def line(**members: Any) -> bytes:
    return json.dumps(members).encode()


def taught(*records: dict[str, Any]) -> SchemaCache:
    learner = SchemaCache()
    learner.learn(records)
    return learner


def test_lines_with_the_members_that_were_learnt_are_decoded_in_whatever_order_they_come() -> None:
    learner = taught({"a": 1, "b.c": None})
    found = learner.table([line(a=[{"x": 1}], **{"b.c": "é"}), b'{"b.c": null, "a": 1, "a": 2}\r'])
    assert isinstance(found, Table)
    assert list(found) == [{"a": [{"x": 1}], "b.c": "é"}, {"a": 2, "b.c": None}]


@pytest.mark.parametrize(
    "other",
    [
        line(a=1),
        line(a=1, b=2, c=3),
        b"[1, 2]",
        b"",
        b'{"a": 1, "b": 2',
        b'{"a": 1, "b": "\xff"}',
        b"[" * 9999,
        b"null",
    ],
)
def test_a_line_that_is_any_different_leaves_its_page_to_others(other: bytes) -> None:
    assert taught({"a": 1, "b": 2}).table([line(a=1, b=2), other]) is None


@pytest.mark.parametrize(
    "records",
    [
        [{"a": 1, "b": 2}, {"a": 1}],
        [{"a": 1, "b": 2}, {"a": 1, "c": 2}],
        [{"a": 1}],
        [{}],
        [{"a": 1, "data": [1]}],
        [{"a": 1, 'quote"': 2}],
        [{f"m{n}": n for n in range(MAX_MEMBERS + 1)}],
    ],
    ids=["one less", "another", "one member", "none", "a container", "an odd name", "too many"],
)
def test_from_records_that_are_not_alike_or_may_hold_others_nothing_is_learnt(records: list[dict[str, Any]]) -> None:
    learner = taught(*records)
    assert all(learner.table([json.dumps(record).encode()]) is None for record in records)


def test_what_was_learnt_is_forgotten_for_what_came_later() -> None:
    learner = taught({"a": 1, "b": 2})
    learner.learn([{"a": 1, "c": 2}])
    assert learner.table([line(a=1, b=2)]) is None
    assert learner.table([line(a=1, c=2)]) is not None


def test_where_pages_differ_again_and_again_nothing_is_decoded_twice_for_ever() -> None:
    learner = taught({"a": 1, "b": 2})
    good, bad = [line(a=1, b=2)], [line(a=1)]
    while learner.table(good) is not None:
        assert learner.table(bad) is None
    learner.learn([{"a": 1, "c": 2}])
    assert learner.table([line(a=1, c=2)]) is None


def test_no_more_than_a_few_kinds_are_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_cache, "_LESSONS", 2)
    learner = SchemaCache()
    for name in "bcd":
        learner.learn([{"a": 1, name: 2}])
    assert learner.table([line(a=1, d=2)]) is None
    assert learner.table([line(a=1, c=2)]) is not None
