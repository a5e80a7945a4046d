"""Whose a pseudonym is: each line of that table is sealed for one user, in one chain.

A line may go, when its user is deleted; a row ``FORGOTTEN`` of the chain then tells of the pseudonym. So a line that was changed,
exchanged, added, put back, or removed by anybody else is found. Where a row of another chain alone tells of it, nothing proves it
to who has this chain's key: such a chain is neither intact nor broken.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from ...core import validation
from ...core.audit_chain import ChainKeys, Entry, SealedRow
from ...core.errors import IsolationRefused
from ...services.audit_trail import SUBJECT_FIELDS
from .rows import Record, is_storable

FORGOTTEN: Final = "subject_forgotten"
"""The event of a row about a pseudonym whose user was deleted. Its detail names the chain, if that is another one."""

SEALED: Final = "subjects_sealed"
"""The event of a row that tells that pseudonyms which had no seal were sealed as they stood."""

MAX_OF_USER: Final = 64
"""So many lines of one user are looked at; a server writes one or two in a chain."""

_MAX_SEEN: Final = 10_000
_MAX_NAMED: Final = 8
_MAX_CHAIN: Final = 64
"""So much is said of a chain's name: it may be anything in a row that no server wrote."""

_named_in: Final = re.compile(rf'"(?:{"|".join(sorted(SUBJECT_FIELDS))})":"(subject_[0-9a-f]+)"').findall
"""The pseudonyms in a detail as it was stored. In what a client has sent, quotation marks are escaped."""

_is_unsealed: Final = re.compile("subject_[0-9a-f]{32}").fullmatch


class Subject(NamedTuple):
    """A line of the table, as it is stored."""

    subject: str
    owner: str
    seal: bytes


class SubjectReader(Protocol):
    """What of the table is asked for in judging it, in the reader's one view."""

    async def subjects(self, chain: str, names: Sequence[str]) -> list[Subject]:
        """What these pseudonyms of a chain lead to."""

    async def all_subjects(self, chain: str, after: str) -> list[Subject]:
        """The next page of a chain's pseudonyms behind this one, in order; nothing at their end."""

    async def forgotten(self, names: Sequence[str]) -> list[tuple[str, str]]:
        """Of these pseudonyms, those with a row ``FORGOTTEN``, each with the chain of that row."""


def new_subject() -> str:
    """A pseudonym that leads nowhere but through the table. Those that had no seal are shorter."""
    return f"subject_{secrets.token_hex(24)}"


def is_unsealed(subject: str) -> bool:
    """Whether it is a pseudonym of the schema's version 0002, which sealed none and told of no deletion."""
    return _is_unsealed(subject) is not None


def holds(keys: ChainKeys, line: Subject) -> bool:
    """Whether a line is as a server with this key wrote it."""
    subject, owner, seal = line
    return keys.holds_subject(subject, owner, seal)


def current(keys: ChainKeys, lines: Iterable[Subject]) -> str | None:
    """The user's pseudonym for rows to come; ``None`` if there is none, or none that its seal holds."""
    return next((line.subject for line in lines if not is_unsealed(line.subject) and holds(keys, line)), None)


def require_own(keys: ChainKeys, lines: Sequence[Subject]) -> list[str]:
    """The user's pseudonyms. Raises ``IsolationRefused`` if one was not sealed for this user: its rows are somebody else's."""
    for line in lines:
        if not holds(keys, line):
            raise IsolationRefused(
                f"Rows of the audit trail cannot be shown: {_changed(line)}.",
                hint="The operator finds out more with netra audit verify.",
                point=validation.AUDIT_SUBJECT,
            )
    return [line.subject for line in lines]


def owners_in(keys: ChainKeys, lines: Iterable[Subject]) -> dict[str, str]:
    """The users that pseudonyms lead to, as far as their seals hold."""
    return {line.subject: line.owner for line in lines if holds(keys, line)}


def forgotten_entries(keys: ChainKeys, lines: Iterable[tuple[str, Subject]], now_ms: int, after: int) -> list[Entry]:
    """The rows, numbered on from ``after``, that tell of lines (each with its chain) that go with their user. A line that was not
    sealed for that user is passed over: whose pseudonym it is did not go."""
    found: dict[str, str] = {}
    for chain, line in lines:
        if chain != keys.chain:
            found.setdefault(line.subject, msgspec.json.encode({"chain": chain}).decode())
        elif holds(keys, line):
            found[line.subject] = "{}"
    return [
        Entry(after + number, now_ms, subject, FORGOTTEN, None, detail)
        for number, (subject, detail) in enumerate(found.items(), 1)
    ]


def sealable(lines: Iterable[tuple[str, str]], keys: ChainKeys) -> list[Subject]:
    """Lines (owner, pseudonym) that had no seal, sealed as they stand."""
    return [
        Subject(subject, owner, keys.seal_subject(subject, owner))
        for owner, subject in lines
        if is_unsealed(subject) and is_storable(owner)
    ]


def sealing(count: int, now_ms: int) -> Record:
    """Notes that so many lines were sealed as they stood: nothing proves them any further back."""
    return now_ms, None, SEALED, None, {"subjects": count}


class SubjectVerifier:
    """Looks at the pseudonyms of rows, which were found to be intact, and at the lines of the table. ``place`` is the first
    fault, ``unproved`` what this key cannot prove; each is empty if there is none."""

    def __init__(self, reader: SubjectReader, keys: ChainKeys) -> None:
        self._reader = reader
        self._keys = keys
        self._seen: set[str] = set()
        self.place = ""
        self._told_elsewhere: dict[str, str] = {}

    @property
    def unproved(self) -> str:
        """Which users' deletion a row of another chain alone tells of: anybody who may append can write such a row."""
        if not self._told_elsewhere:
            return ""
        found = [f"{subject} (chain {chain!r})" for subject, chain in self._told_elsewhere.items()]
        listed = ", ".join(found[:_MAX_NAMED]) + (" and more" if len(found) > _MAX_NAMED else "")
        return (
            "pseudonyms lead to nobody, and that their users were deleted is told in chains alone whose key this is not:"
            f" {listed}"
        )

    async def feed(self, rows: Sequence[SealedRow]) -> None:
        """Look at what the pseudonyms that these rows name lead to."""
        named = {row.entry.subject for row in rows if row.entry.subject is not None}
        for row in rows:
            named.update(_named_in(row.entry.detail))
        asked = sorted(name for name in named - self._seen if name.startswith("subject_"))
        if self.place or not asked:
            return
        if len(self._seen) > _MAX_SEEN:
            self._seen.clear()
        self._seen.update(asked)
        lines = await self._reader.subjects(self._keys.chain, asked)
        forgotten = await self._reader.forgotten(asked)
        gone = {subject for subject, chain in forgotten if chain == self._keys.chain}
        elsewhere, present = dict(forgotten), {line.subject for line in lines}
        for line in lines:
            self._judge(line)
            if line.subject in gone:
                self._break(f"the pseudonym {line.subject} leads to a user again who was deleted")
        for subject in asked:
            if subject in present or subject in gone or is_unsealed(subject):
                continue
            if subject not in elsewhere:
                self._break(f"the pseudonym {subject} leads to nobody, and no row tells that its user was deleted")
            elif len(self._told_elsewhere) <= _MAX_NAMED:
                self._told_elsewhere[subject] = elsewhere[subject][:_MAX_CHAIN]

    async def feed_table(self) -> None:
        """Look at every line of the table, also at those that no row names."""
        after = ""
        while not self.place and (lines := await self._reader.all_subjects(self._keys.chain, after)):
            for line in lines:
                self._judge(line)
            after = lines[-1].subject

    def _judge(self, line: Subject) -> None:
        if not holds(self._keys, line):
            self._break(_changed(line))

    def _break(self, place: str) -> None:
        self.place = self.place or place


def _changed(line: Subject) -> str:
    return f"the pseudonym {line.subject} was made to lead to somebody else than the user whom it was sealed for"
