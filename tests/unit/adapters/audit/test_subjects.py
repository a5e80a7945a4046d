"""Whose a pseudonym is: as its seal says, or nobody's."""

from __future__ import annotations

import pytest

from netra_backend.app.adapters.audit import subjects
from netra_backend.app.adapters.audit.rows import Record, entries_of
from netra_backend.app.adapters.audit.subjects import (
    FORGOTTEN,
    Subject,
    SubjectVerifier,
    current,
    forgotten_entries,
    is_unsealed,
    new_subject,
    owners_in,
    require_own,
    sealable,
)
from netra_backend.app.core.audit_chain import ChainKeys, Entry
from netra_backend.app.core.errors import IsolationRefused

KEYS, OTHERS = ChainKeys.of(b"k" * 32), ChainKeys.of(b"o" * 32)
OLD = "subject_" + "0" * 32


def sealed(owner: str, subject: str, keys: ChainKeys = KEYS) -> Subject:
    return Subject(subject, owner, keys.seal_subject(subject, owner))


def test_pseudonyms_are_all_different_and_none_is_one_of_those_that_had_no_seal() -> None:
    fresh = {new_subject() for _ in range(100)}
    assert len(fresh) == 100
    assert not any(map(is_unsealed, fresh))
    assert is_unsealed(OLD)


def test_a_user_goes_on_under_a_pseudonym_that_was_sealed_for_this_user_in_this_chain_alone() -> None:
    ours, forged = sealed("ada", "subject_a"), sealed("bob", "subject_b")._replace(owner="ada")
    assert current(KEYS, [sealed("ada", OLD), forged, sealed("ada", "subject_c", OTHERS), ours]) == "subject_a"
    assert current(KEYS, [sealed("ada", OLD), forged]) is None
    assert owners_in(KEYS, [ours, forged, sealed("ada", OLD)]) == {"subject_a": "ada", OLD: "ada"}


@pytest.mark.validation_point("audit.subject")
def test_rows_under_a_pseudonym_that_was_sealed_for_somebody_else_are_shown_to_nobody() -> None:
    assert require_own(KEYS, [sealed("ada", "subject_a"), sealed("ada", OLD)]) == ["subject_a", OLD]
    with pytest.raises(IsolationRefused, match="the pseudonym subject_b was made to lead to somebody else"):
        require_own(KEYS, [sealed("ada", "subject_a"), sealed("bob", "subject_b")._replace(owner="ada")])


def test_a_deletion_tells_of_each_pseudonym_that_went_and_of_none_that_was_another_users() -> None:
    lines = [
        (KEYS.chain, sealed("ada", "subject_a")),
        ("", Subject(OLD, "ada", b"")),
        (KEYS.chain, sealed("ada", OLD)),
        (OTHERS.chain, sealed("ada", "subject_o", OTHERS)),
        ('"', Subject("subject_q", "ada", b"")),
        (KEYS.chain, sealed("bob", "subject_b")._replace(owner="ada")),
    ]
    assert forgotten_entries(KEYS, lines, 9, 4) == [
        Entry(5, 9, "subject_a", FORGOTTEN, None, "{}"),
        Entry(6, 9, OLD, FORGOTTEN, None, "{}"),
        Entry(7, 9, "subject_o", FORGOTTEN, None, f'{{"chain":"{OTHERS.chain}"}}'),
        Entry(8, 9, "subject_q", FORGOTTEN, None, '{"chain":"\\""}'),
    ]


def test_only_what_had_no_seal_and_is_a_users_is_sealed_as_it_stands() -> None:
    assert sealable([("ada", OLD), ("bob", "subject_" + "a" * 48), ("", OLD), ("a\nb", OLD)], KEYS) == [
        sealed("ada", OLD)
    ]


async def test_pseudonyms_that_were_seen_are_not_asked_for_again_and_are_not_remembered_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[list[str]] = []

    class Reader:
        async def subjects(self, _: str, names: list[str]) -> list[Subject]:
            asked.append(names)
            return [sealed("ada", name) for name in names]

        async def all_subjects(self, *_: str) -> list[Subject]:
            return []

        async def forgotten(self, _: object) -> list[tuple[str, str]]:
            return []

    monkeypatch.setattr(subjects, "_MAX_SEEN", 2)
    verifier = SubjectVerifier(Reader(), KEYS)  # type: ignore[arg-type]
    for names in ("a", "a", "ab", "abc", "d", "a"):
        entries = [Entry(1, 1, f"subject_{name}", "refused", None, "{}") for name in names]
        await verifier.feed(KEYS.seal_all(KEYS.beginning, entries))
    assert asked == [["subject_a"], ["subject_b"], ["subject_c"], ["subject_d"], ["subject_a"]]
    assert verifier.place == ""


async def test_what_a_client_wrote_into_a_detail_is_no_pseudonym() -> None:
    asked: list[list[str]] = []

    class Reader:
        async def subjects(self, _: str, names: list[str]) -> list[Subject]:
            asked.append(names)
            return [sealed("ada", name) for name in names]

        async def forgotten(self, _: object) -> list[tuple[str, str]]:
            return []

    record: Record = (1, None, "refused", None, {"field": '"by":"subject_aa"', "by": "ada", "user": "bob", "n": 1})
    entries = entries_of([record], {"ada": "subject_bb", "bob": "subject_cc"}, 0)
    await SubjectVerifier(Reader(), KEYS).feed(KEYS.seal_all(KEYS.beginning, entries))  # type: ignore[arg-type]
    assert asked == [["subject_bb", "subject_cc"]]
