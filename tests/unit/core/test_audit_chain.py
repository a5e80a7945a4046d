"""The chain: whatever is done to its rows is found, and where."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.core.audit_chain import ChainKeys, Entry, SealedRow, Statement, Verdict, Verifier

KEYS = ChainKeys.of(b"k" * 32)
OTHERS = ChainKeys.of(b"o" * 32)


def entry(id: int) -> Entry:
    return Entry(id, id * 10, "subject_1", "refused", "id.format", '{"n":1}')


def chain(*ids: int) -> list[SealedRow]:
    return KEYS.seal_all(KEYS.beginning, map(entry, ids))


def anchor(row: SealedRow) -> Statement:
    return KEYS.state("anchor", row.entry.id, row.seal, 0, 1)


def checkpoint(row: SealedRow) -> Statement:
    return KEYS.state("checkpoint", row.entry.id, row.seal, 1, 1)


def verdict(
    rows: Sequence[SealedRow], *anchors: Statement, cut: Statement | None = None, since: SealedRow | None = None
) -> Verdict:
    verifier = Verifier(KEYS, checkpoint=cut, anchors=anchors, since=since)
    verifier.feed(rows)
    return verifier.end()


def test_an_intact_chain_is_intact_with_gaps_between_its_ids_and_while_it_grows() -> None:
    rows = chain(1, 2, 5, 6)
    assert verdict(rows, anchor(rows[2])) == Verdict("intact", "", 4, 6)
    assert verdict([]) == Verdict("intact", "", 0, 0)


@pytest.mark.parametrize(
    ("tampered", "place"),
    [
        (lambda rows: rows[:1] + rows[2:], "row 3 does not follow on row 1"),
        (lambda rows: rows[1:], "row 2 does not follow on the beginning"),
        (lambda rows: [rows[0], rows[1]._replace(entry=entry(2)._replace(detail="{}")), *rows[2:]], "row 2 does not"),
        (lambda rows: [rows[0], rows[1]._replace(entry=entry(2)._replace(subject=None)), *rows[2:]], "row 2 does not"),
        (lambda rows: [rows[0], rows[2], rows[1], rows[3]], "row 3 does not follow on row 1"),
        (lambda rows: [rows[0], rows[1], rows[1], *rows[2:]], "row 2 stands where row 2"),
        (lambda rows: [*rows, SealedRow(entry(5), b"x" * 32)], "row 5 does not follow on row 4"),
        (lambda rows: [SealedRow(entry(0), b"x" * 32), *rows], "row 0 was added: no server gives out"),
        (lambda rows: [SealedRow(entry(-7), b"x" * 32), *rows], "row -7 was added: no server gives out"),
        (lambda rows: rows[:2], "the rows after row 2, up to row 4 at least, were cut off"),
        (lambda rows: [], "the rows after the beginning, up to row 4 at least, were cut off"),
        (lambda rows: rows[:2] + KEYS.seal_all(rows[1].seal, [entry(9)]), "row 4 is not the one that the anchor names"),
        (
            lambda rows: rows[:3] + KEYS.seal_all(rows[2].seal, [entry(4)._replace(at=0)]),
            "row 4 is not the one that the anchor names",
        ),
        (lambda rows: OTHERS.seal_all(OTHERS.beginning, map(entry, range(1, 5))), "row 1 does not follow"),
    ],
)
def test_whatever_is_done_to_a_chain_is_found_and_where(tampered: object, place: str) -> None:
    rows = chain(1, 2, 3, 4)
    found = verdict(tampered(rows), anchor(rows[3]))  # type: ignore[operator]  # a function of the rows
    assert (found.state, place in found.place) == ("broken", True), found


def test_a_chain_that_was_cut_behind_a_checkpoint_goes_on_from_it() -> None:
    rows = chain(1, 2, 3, 4)
    assert verdict(rows[2:], anchor(rows[3]), cut=checkpoint(rows[1])).state == "intact"
    assert verdict(rows[2:], anchor(rows[0]), cut=checkpoint(rows[1])).state == "intact"
    assert verdict([], anchor(rows[3]), cut=checkpoint(rows[3])).state == "intact"


def test_a_checkpoint_or_an_anchor_that_another_key_signed_is_found() -> None:
    rows = chain(1, 2, 3)
    forged = checkpoint(rows[1])._replace(mac=b"x" * 32)
    assert "checkpoint at row 2" in verdict(rows[2:], cut=forged).place
    assert "checkpoint at row 2" in verdict(rows[2:], cut=anchor(rows[1])._replace(kind="checkpoint")).place
    assert "anchor at row 2" in verdict(rows, anchor(rows[1])._replace(mac=b"")).place
    assert verdict(rows[2:]).state == "broken"


def test_rows_from_before_a_checkpoint_are_found_and_so_is_a_beginning_that_no_anchor_knows() -> None:
    rows = chain(1, 2, 3)
    assert "removed already" in verdict(rows[1:], cut=checkpoint(rows[1])).place
    other = KEYS.seal_all(b"elsewhere", [entry(2)])
    assert "after row 2" in verdict(rows[2:], anchor(other[0]), cut=checkpoint(rows[1])).place


def test_two_anchors_that_contradict_each_other_are_found() -> None:
    rows = chain(1, 2)
    other = KEYS.seal_all(b"elsewhere", [entry(2)])
    assert "two anchors name row 2" in verdict(rows, anchor(rows[1]), anchor(other[0])).place


def test_the_end_alone_is_judged_from_a_row_that_is_taken_for_granted() -> None:
    rows = chain(1, 2, 3, 4)
    assert verdict(rows[2:], anchor(rows[2]), since=rows[1]) == Verdict("intact", "", 2, 4)
    assert verdict(rows[2:], anchor(rows[1]), since=rows[1]).state == "intact"
    assert verdict(rows[2:3], anchor(rows[3]), since=rows[1]).state == "broken"
    assert verdict(rows[3:], since=rows[1]).state == "broken"


def test_what_a_store_was_made_to_hold_instead_of_text_fits_no_seal() -> None:
    rows = chain(1)
    for value in (None, b"refused", 7, 7.5):
        changed = rows[0]._replace(entry=entry(1)._replace(event=value))  # type: ignore[arg-type]  # on purpose
        assert verdict([changed]).state == "broken"


def test_keys_tell_nothing_and_one_secret_gives_the_same_ones() -> None:
    assert ChainKeys.of(b"k" * 32) == KEYS
    assert KEYS.chain != OTHERS.chain
    assert b"k" * 32 not in repr(KEYS).encode()
    assert not OTHERS.holds(anchor(chain(1)[0]), "anchor")


FIELDS = st.tuples(st.none() | st.text(), st.text(), st.none() | st.text(), st.text())


@given(st.lists(FIELDS, min_size=2, max_size=2, unique=True))
def test_no_two_rows_have_the_same_seal(fields: list[tuple[str | None, str, str | None, str]]) -> None:
    one, other = (KEYS.seal(KEYS.beginning, Entry(1, 1, *each)) for each in fields)
    assert one != other


@given(st.integers(1, 12), st.data())
def test_no_row_can_be_taken_out_moved_or_doubled(count: int, data: st.DataObject) -> None:
    rows = chain(*range(1, count + 1))
    order = data.draw(st.lists(st.sampled_from(range(count)), max_size=count + 2))
    expected = "intact" if order == list(range(count)) else "broken"
    assert verdict([rows[place] for place in order], anchor(rows[-1])).state == expected


def test_anchors_of_before_the_row_that_is_taken_for_granted_are_passed_over_and_the_first_break_is_kept() -> None:
    rows = chain(1, 2, 3, 4)
    assert verdict(rows[3:], anchor(rows[0]), anchor(rows[2]), since=rows[2]) == Verdict("intact", "", 1, 4)
    verifier = Verifier(KEYS)
    assert not verifier.is_broken
    verifier.feed(rows[1:])
    assert verifier.is_broken
    place = verifier.end().place
    verifier.feed(rows)
    assert verifier.end().place == place


def test_a_pseudonym_is_sealed_for_one_user_in_one_chain() -> None:
    seal = KEYS.seal_subject("subject_1", "ada")
    assert KEYS.holds_subject("subject_1", "ada", seal)
    assert not KEYS.holds_subject("subject_1", "bob", seal)
    assert not KEYS.holds_subject("subject_2", "ada", seal)
    assert not KEYS.holds_subject("subject_1a", "da", seal)
    assert not OTHERS.holds_subject("subject_1", "ada", seal)
    assert not KEYS.holds_subject("subject_1", "ada", b"")
