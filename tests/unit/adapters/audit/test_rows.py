"""Records as rows: numbered, named by pseudonyms, without secrets."""

from __future__ import annotations

from netra_backend.app.adapters.audit.rows import (
    Record,
    adopted_record,
    bounded,
    entries_of,
    named,
    names_in,
    shown,
    subjects_in,
)

SUBJECTS = {"ada": "subject_1", "root": "subject_2"}


def test_an_answer_has_one_row_at_least_and_a_thousand_at_most() -> None:
    assert [bounded(limit) for limit in (-1, 0, 1, 500, 5000)] == [1, 1, 1, 500, 1000]


def test_a_row_names_users_by_pseudonyms_and_is_shown_as_it_was_recorded() -> None:
    record: Record = (10, "ada", "refused", "id.format", {"n": 1, "field": "", "by": "root"})
    assert names_in([record]) == ["ada", "root"]
    (entry,) = entries_of([record], SUBJECTS, 2)
    assert "ada" not in repr(entry)
    assert "root" not in repr(entry)
    rows = [shown((entry.id, entry.at, entry.event, entry.point, entry.detail))]
    assert subjects_in(rows) == ["subject_2"]
    assert named(rows, {"subject_2": "root"}) == [
        {"id": 3, "at_ms": 10, "event": "refused", "point": "id.format", "detail": {"n": 1, "by": "root"}}
    ]


def test_no_secret_is_written_down() -> None:
    assert "abcdefghijkl" not in repr(entries_of([(1, None, "refused", None, {"x": "sk-abcdefghijklmnop"})], {}, 0))


def test_a_record_that_cannot_be_written_down_costs_no_other_its_place() -> None:
    broken: Record = (2, None, "refused", None, {"x": "\ud800"})
    rows = entries_of([(1, None, "refused", None, {}), broken, (3, None, "refused", None, {})], {}, 7)
    assert [(row.id, row.at) for row in rows] == [(8, 1), (9, 3)]


def test_a_row_of_an_earlier_release_whose_detail_is_none_of_ours_is_kept_as_text() -> None:
    assert adopted_record("ada", (1, "refused", None, '{"n":1}'))[4] == {"n": 1}
    assert adopted_record("ada", (1, "refused", None, "no json"))[4] == {"unreadable": "no json"}
