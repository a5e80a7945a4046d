"""Looking at a stored chain: all of it, or its end, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from netra_backend.app.adapters.audit.subjects import Subject
from netra_backend.app.adapters.audit.verification import PAGE, require_intact, stands, verify
from netra_backend.app.core.audit_chain import ChainKeys, Entry, SealedRow, Statement, Verdict
from netra_backend.app.core.errors import ConfigurationError

KEYS = ChainKeys.of(b"k" * 32)


@dataclass
class Stored:
    """A trail in memory; ``asked`` is from where pages were read."""

    kept: list[SealedRow]
    cut: Statement | None = None
    asked: list[int] = field(default_factory=list)
    lines: list[Subject] = field(default_factory=list)
    gone: list[tuple[str, str]] = field(default_factory=list)

    async def chains(self) -> list[str]:
        return [KEYS.chain]

    async def checkpoint(self, chain: str) -> Statement | None:
        assert chain == KEYS.chain
        return self.cut

    async def rows(self, chain: str, after: int | None) -> list[SealedRow]:
        self.asked.append(after or 0)
        return [row for row in self.kept if after is None or row.entry.id > after][:PAGE]

    async def subjects(self, chain: str, names: Sequence[str]) -> list[Subject]:
        return [line for line in self.lines if line.subject in names]

    async def all_subjects(self, chain: str, after: str) -> list[Subject]:
        return [line for line in self.lines if line.subject > after][:2]

    async def forgotten(self, names: Sequence[str]) -> list[tuple[str, str]]:
        return [(name, chain) for name, chain in self.gone if name in names]

    async def row_up_to(self, chain: str, id: int) -> SealedRow | None:
        return max((row for row in self.kept if row.entry.id <= id), default=None, key=lambda row: row.entry.id)

    async def id_from_end(self, chain: str, count: int) -> int:
        return self.kept[-count - 1].entry.id if len(self.kept) > count else 0


def chain(count: int) -> list[SealedRow]:
    return KEYS.seal_all(KEYS.beginning, (Entry(id, id, None, "refused", None, "{}") for id in range(1, count + 1)))


def anchor(row: SealedRow) -> Statement:
    return KEYS.state("anchor", row.entry.id, row.seal, 0, 1)


async def test_all_rows_are_looked_at_page_by_page() -> None:
    stored = Stored(chain(PAGE + 2))
    assert await verify(stored, KEYS, []) == Verdict("intact", "", PAGE + 2, PAGE + 2)
    assert stored.asked == [0, PAGE, PAGE + 2]


async def test_of_the_end_no_more_is_read_than_is_asked_for_but_all_since_the_newest_anchor() -> None:
    rows = chain(50)
    for anchors, first in (([], 40), ([anchor(rows[44])], 40), ([anchor(rows[9]), anchor(rows[19])], 20)):
        stored = Stored(rows)
        found = await verify(stored, KEYS, anchors, tail=10)
        assert (found.state, found.rows, stored.asked[0]) == ("intact", 50 - first, first)


async def test_an_anchor_whose_row_is_gone_is_noticed_at_the_end_alone() -> None:
    rows = chain(50)
    for kept in (rows[:30], []):
        assert (await verify(Stored(kept), KEYS, [anchor(rows[19]), anchor(rows[49])], tail=10)).state == "broken"
    assert (await verify(Stored(rows[:19] + rows[20:]), KEYS, [anchor(rows[19])], tail=10)).state == "broken"


async def test_anchors_of_other_chains_are_no_matter() -> None:
    other = ChainKeys.of(b"o" * 32).state("anchor", 99, b"s", 0, 1)
    assert (await verify(Stored(chain(2)), KEYS, [other])).state == "intact"


def test_what_an_anchor_names_stands_or_was_removed_by_retention() -> None:
    rows = chain(5)
    named = anchor(rows[2])
    cut = KEYS.state("checkpoint", 3, rows[2].seal, 3, 1)
    assert stands(named, None, rows[2])
    assert stands(named, cut, None)
    assert stands(anchor(rows[1]), cut, None)
    assert stands(KEYS.state("anchor", 0, KEYS.beginning, 0, 1), None, None)
    assert not stands(named, None, rows[1])
    assert not stands(named, None, None)
    assert not stands(named, None, rows[2]._replace(seal=b"x"))
    assert not stands(named, cut._replace(seal=b"x"), None)


@pytest.mark.validation_point("audit.chain")
def test_a_broken_chain_is_refused_with_its_place_and_what_to_do() -> None:
    require_intact(Verdict("intact"), "audit.db")
    with pytest.raises(ConfigurationError, match=r"audit\.db is broken: row 3.*NETRA_AUDIT_KEY"):
        require_intact(Verdict("broken", "row 3"), "audit.db")
    with pytest.raises(ConfigurationError, match=r"audit\.db cannot be judged: subject_a.*NETRA_AUDIT_KEY"):
        require_intact(Verdict("unjudged", "subject_a"), "audit.db")


# --- pseudonyms ------------------------------------------------------------------------------------------------------

ADA, BOB, OLD = "subject_" + "a" * 48, "subject_" + "b" * 48, "subject_" + "0" * 32


def line(subject: str, owner: str, keys: ChainKeys = KEYS) -> Subject:
    return Subject(subject, owner, keys.seal_subject(subject, owner))


def rows_about(*subjects: str, by: str = "") -> list[SealedRow]:
    detail = f'{{"by":"{by}"}}' if by else "{}"
    entries = [Entry(id, id, subject, "refused", None, detail) for id, subject in enumerate(subjects, 1)]
    return KEYS.seal_all(KEYS.beginning, entries)


@pytest.mark.parametrize(
    ("lines", "gone", "place"),
    [
        ([line(ADA, "ada"), line(BOB, "bob")], [], ""),
        ([line(ADA, "ada")], [(BOB, KEYS.chain)], ""),
        ([line(ADA, "ada")], [], f"the pseudonym {BOB} leads to nobody"),
        ([line(ADA, "ada"), line(BOB, "bob")], [(BOB, KEYS.chain)], f"the pseudonym {BOB} leads to a user again"),
        ([line(ADA, "ada"), line(BOB, "bob")], [(BOB, "another")], ""),
        ([line(ADA, "ada"), line(BOB, "bob")._replace(owner="eve")], [], f"the pseudonym {BOB} was made to lead"),
        ([line(ADA, "ada"), line(BOB, "bob")._replace(seal=b"")], [], f"the pseudonym {BOB} was made to lead"),
        ([line(ADA, "ada"), line(BOB, "bob", ChainKeys.of(b"o" * 32))], [], f"the pseudonym {BOB} was made to lead"),
        (
            [line(ADA, "bob"), line(BOB, "ada")._replace(seal=line(BOB, "bob").seal)],
            [],
            f"the pseudonym {BOB} was made",
        ),
    ],
)
@pytest.mark.parametrize("tail", [None, 1])
async def test_a_pseudonym_that_a_row_names_leads_to_its_user_or_its_deletion_is_told(
    lines: list[Subject], gone: list[tuple[str, str]], place: str, tail: int | None
) -> None:
    for rows in (rows_about(ADA, BOB, ADA), rows_about(ADA, ADA, ADA, by=BOB)):
        verdict = await verify(Stored(rows, lines=lines, gone=gone), KEYS, (), tail=tail)
        names_bob = tail is None or rows[-1].entry.detail != "{}"
        if not place or names_bob:
            assert (verdict.place.startswith(place), verdict.state) == (True, "broken" if place else "intact")
        assert (verdict.rows, verdict.last) == (1 if tail else 3, 3)


@pytest.mark.parametrize("tail", [None, 1])
async def test_a_deletion_that_another_chain_alone_tells_of_is_neither_proved_nor_a_break(tail: int | None) -> None:
    stored = Stored(rows_about(ADA, BOB), lines=[line(ADA, "ada")], gone=[(BOB, "x\n" * 99)])
    verdict = await verify(stored, KEYS, (), tail=tail)
    assert verdict.state == "unjudged"
    assert verdict.place.endswith(f"whose key this is not: {BOB} (chain {('x' + chr(10)) * 32!r})")
    stored.gone.append((BOB, KEYS.chain))
    assert (await verify(stored, KEYS, (), tail=tail)).state == "intact"
    stored.lines = [line(ADA, "ada")._replace(owner="eve")]
    stored.gone.pop()
    assert (await verify(stored, KEYS, (), tail=None)).state == "broken"


async def test_of_deletions_that_another_chain_alone_tells_of_the_first_are_named() -> None:
    subjects = [f"subject_{number:048}" for number in range(20)]
    stored = Stored(rows_about(*subjects), gone=[(subject, "another") for subject in subjects])
    verdict = await verify(stored, KEYS, ())
    assert [subject in verdict.place for subject in subjects] == [True] * 8 + [False] * 12
    assert verdict.place.endswith(" and more")


async def test_every_line_of_the_table_is_judged_when_all_rows_are_also_those_that_no_row_names() -> None:
    lines = [line(f"subject_{number:048}", "ada") for number in range(5)]
    assert (await verify(Stored(rows_about(lines[0].subject), lines=lines), KEYS, ())).state == "intact"
    lines[4] = lines[4]._replace(owner="eve")
    stored = Stored(rows_about(lines[0].subject), lines=lines)
    assert f"the pseudonym {lines[4].subject} was made" in (await verify(stored, KEYS, ())).place
    assert (await verify(stored, KEYS, (), tail=1)).state == "intact"
    assert (await verify(stored, KEYS, (), up_to=1)).state == "intact"


async def test_a_break_of_the_chain_is_told_before_a_changed_pseudonym() -> None:
    rows = rows_about(ADA, BOB)
    verdict = await verify(Stored(rows[1:], lines=[line(ADA, "eve")._replace(seal=b"")]), KEYS, ())
    assert "row 2 does not follow on the beginning" in verdict.place


async def test_a_pseudonym_from_before_there_were_seals_may_lead_to_nobody_but_not_to_somebody_else() -> None:
    rows = rows_about(OLD)
    assert (await verify(Stored(rows), KEYS, ())).state == "intact"
    assert (await verify(Stored(rows, lines=[line(OLD, "ada")]), KEYS, ())).state == "intact"
    assert (await verify(Stored(rows, lines=[line(OLD, "ada")._replace(owner="eve")]), KEYS, ())).state == "broken"
