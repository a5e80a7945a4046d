"""How many rows of one owner are kept, and what is remembered for that."""

from __future__ import annotations

import pytest

from netra_backend.app.adapters.audit import rows
from netra_backend.app.adapters.audit.rows import Record, Trimming, bounded, pseudonym_for, shown, written


def record(owner: str | None) -> Record:
    return (1, owner, "refused", None, {})


def test_an_owner_is_cut_back_after_a_tenth_more_than_is_kept_and_then_again_after_as_many() -> None:
    trimming = Trimming(20)
    assert trimming.due([record("ada")]) == []
    assert trimming.due([record("ada"), record(None)]) == ["ada"]
    assert trimming.due([record(None)]) == [None]
    assert trimming.due([record("ada")]) == []
    assert Trimming(1).due([record("ada")]) == ["ada"]


def test_what_is_remembered_of_owners_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_MAX_OWNERS_WATCHED", 5)
    trimming = Trimming(1000)
    for number in range(20):
        trimming.due([record(f"user_{number}")])
        assert len(trimming) <= 5


def test_an_answer_has_one_row_at_least_and_a_thousand_at_most() -> None:
    assert [bounded(limit) for limit in (-1, 0, 1, 500, 5000)] == [1, 1, 1, 500, 1000]


def test_a_row_is_shown_as_it_was_recorded_and_without_secrets() -> None:
    ((at, _, event, point, text),) = written([(10, "ada", "refused", "id.format", {"n": 1, "field": "", "by": "root"})])
    assert shown((3, at, event, point, text)) == {
        "id": 3,
        "at_ms": 10,
        "event": "refused",
        "point": "id.format",
        "detail": {"n": 1, "by": "root"},
    }
    assert "abcdefghijkl" not in repr(written([(1, "ada", "refused", None, {"x": "sk-abcdefghijklmnop"})]))


def test_a_record_that_cannot_be_written_down_costs_no_other_its_place() -> None:
    broken: Record = (2, "ada", "refused", None, {"x": "\ud800"})
    assert [row[0] for row in written([(1, "ada", "refused", None, {}), broken, (3, None, "refused", None, {})])] == [
        1,
        3,
    ]


def test_pseudonyms_are_all_different_and_stand_where_the_name_stood() -> None:
    first, second = pseudonym_for("ada"), pseudonym_for("ada")
    assert first[0] != second[0]
    assert first[1:] == ('"ada"', f'"{first[0]}"')
