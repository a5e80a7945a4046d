"""The audit trail's hash chain: each row is sealed together with the seal of the row before it.

A seal is an HMAC-SHA-256 over an encoding in which no two rows look alike, so that without the key no row can be changed,
removed, added or moved without a seal failing. What a chain cannot show by itself is that its end was cut off: that is what
statements are for, which say, signed, where the chain stood. An *anchor* lies outside of the store; a *checkpoint* lies in it and
says what retention removed from the beginning.

A pseudonym is sealed with the user whom it stands for, so that nobody without the key can make it stand for another one.

One secret gives independent keys for rows, statements and pseudonyms, and the chain's name (HKDF-Expand of RFC 5869, 2.3, for
one block).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

Kind = Literal["anchor", "checkpoint"]
State = Literal["intact", "broken", "unjudged"]

_NAME_BYTES: Final = 8


class Entry(NamedTuple):
    """A row without its seal. ``subject`` is a pseudonym; ``detail`` is JSON as it is stored."""

    id: int
    at: int
    subject: str | None
    event: str
    point: str | None
    detail: str


class SealedRow(NamedTuple):
    """A row as it is stored."""

    entry: Entry
    seal: bytes


class Statement(NamedTuple):
    """Where a chain stood: the row ``id`` had this ``seal``; ``rows`` rows up to it were removed (of a checkpoint: including
    it). ``at`` is in ms since 1970."""

    kind: Kind
    chain: str
    id: int
    seal: bytes
    rows: int
    at: int
    mac: bytes = b""


@dataclass(frozen=True, slots=True)
class ChainKeys:
    """What one secret gives: make with ``of``."""

    chain: str
    """The chain's name; tells nothing of the secret."""
    _rows: bytes = field(repr=False)
    _statements: bytes = field(repr=False)
    _subjects: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> ChainKeys:
        """The keys of a secret of at least 32 bytes."""
        pseudorandom = _mac(b"netra audit", secret)
        name = _expanded(pseudorandom, b"name")[:_NAME_BYTES].hex()
        return cls(name, *(_expanded(pseudorandom, label) for label in (b"rows", b"statements", b"subjects")))

    @property
    def beginning(self) -> bytes:
        """What stands for the seal before the first row."""
        return _mac(self._rows, _encoded("beginning", self.chain))

    def seal(self, previous: bytes, entry: Entry) -> bytes:
        """The seal of a row that follows on the one with the seal ``previous``."""
        return _mac(self._rows, _encoded("row", self.chain, previous, *entry))

    def seal_all(self, previous: bytes, entries: Iterable[Entry]) -> list[SealedRow]:
        """Rows that follow on each other, sealed."""
        sealed = []
        for entry in entries:
            previous = self.seal(previous, entry)
            sealed.append(SealedRow(entry, previous))
        return sealed

    def state(self, kind: Kind, id: int, seal: bytes, rows: int, at: int) -> Statement:
        """A signed statement about this chain."""
        unsigned = Statement(kind, self.chain, id, seal, rows, at)
        return unsigned._replace(mac=self._signature(unsigned))

    def holds(self, statement: Statement, kind: Kind) -> bool:
        """Whether it is a statement of this kind about this chain that this key signed."""
        return (
            statement.kind == kind
            and statement.chain == self.chain
            and hmac.compare_digest(statement.mac, self._signature(statement))
        )

    def seal_subject(self, subject: str, owner: str) -> bytes:
        """The seal of a pseudonym that stands for this user in this chain."""
        return _mac(self._subjects, _encoded("subject", self.chain, subject, owner))

    def holds_subject(self, subject: str, owner: str, seal: bytes) -> bool:
        """Whether this key has sealed the pseudonym for this user."""
        return hmac.compare_digest(seal, self.seal_subject(subject, owner))

    def _signature(self, statement: Statement) -> bytes:
        return _mac(self._statements, _encoded("statement", *statement[:-1]))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What looking at a chain found. ``place`` says where it is broken, or why it cannot be judged; it is empty if the chain
    is intact. ``rows`` is how many were looked at, ``last`` the newest one's id (0: none)."""

    state: State
    place: str = ""
    rows: int = 0
    last: int = 0


class Verifier:
    """Looks at the rows of one chain in order, as they are fed, against the newest checkpoint and all anchors.

    ``since``: begin behind this row and take it for granted, instead of at the chain's beginning.
    """

    def __init__(
        self,
        keys: ChainKeys,
        *,
        checkpoint: Statement | None = None,
        anchors: Sequence[Statement] = (),
        since: SealedRow | None = None,
    ) -> None:
        self._keys = keys
        self._begins_at = checkpoint.id if checkpoint is not None else 0
        self._place = ""
        self._rows = 0
        if checkpoint is not None and not keys.holds(checkpoint, "checkpoint"):
            self._place = f"the checkpoint at row {checkpoint.id} was not signed with this key"
        self._anchored: dict[int, bytes] = {}
        for anchor in anchors:
            if not keys.holds(anchor, "anchor"):
                self._break(f"the anchor at row {anchor.id} was not signed with this key")
            elif self._anchored.setdefault(anchor.id, anchor.seal) != anchor.seal:
                self._break(f"two anchors name row {anchor.id} with different contents")
        previous = keys.beginning if checkpoint is None else checkpoint.seal
        self._last, self._seal = self._begins_at, previous
        self._open = sorted((id for id in self._anchored if id > self._begins_at), reverse=True)
        if self._anchored.get(self._begins_at, previous) != previous:
            self._break(f"the beginning, after row {self._begins_at}, is not the one that the anchor names")
        if since is not None:
            self._last, self._seal = since.entry.id, since.seal
            while self._open and self._open[-1] < self._last:
                self._open.pop()
            self._check_anchor(since)

    @property
    def is_broken(self) -> bool:
        """Whether a break was found already: only the first one is reported."""
        return bool(self._place)

    def feed(self, rows: Iterable[SealedRow]) -> None:
        """Look at the rows that come next."""
        for row in rows:
            if self._place:
                return
            entry = row.entry
            if entry.id <= 0:
                self._break(f"row {entry.id} was added: no server gives out such a number")
            elif entry.id <= self._last:
                self._break(f"row {entry.id} stands where row {self._last} had been reached or removed already")
            elif not hmac.compare_digest(row.seal, self._keys.seal(self._seal, entry)):
                after = f"row {self._last}" if self._last else "the beginning"
                self._break(
                    f"row {entry.id} does not follow on {after}: it was changed, or a row before it was removed, added or moved"
                )
            else:
                self._check_anchor(row)
            self._rows += 1
            self._last, self._seal = entry.id, row.seal

    def _check_anchor(self, row: SealedRow) -> None:
        while self._open and self._open[-1] <= row.entry.id:
            id = self._open.pop()
            if id != row.entry.id or self._anchored[id] != row.seal:
                self._break(
                    f"row {id} is not the one that the anchor names: what followed was cut off and written anew"
                )

    def end(self) -> Verdict:
        """What was found, now that there are no more rows."""
        if self._open and not self._place:
            after = f"row {self._last}" if self._last else "the beginning"
            self._break(f"the rows after {after}, up to row {self._open[0]} at least, were cut off")
        return Verdict("broken" if self._place else "intact", self._place, self._rows, self._last)

    def _break(self, place: str) -> None:
        self._place = self._place or place


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, hashlib.sha256)


def _expanded(pseudorandom: bytes, label: bytes) -> bytes:
    return _mac(pseudorandom, label + b"\x01")


def _encoded(*fields: object) -> bytes:
    """Fields one after the other, each with its type and length, so that no two lists of fields are written alike."""
    parts: list[bytes] = []
    for each in fields:
        if each is None:
            parts.append(b"n")
            continue
        if isinstance(each, bytes):
            kind, data = b"b", each
        elif isinstance(each, int):
            kind, data = b"i", b"%d" % each
        elif isinstance(each, str):
            kind, data = b"s", each.encode("utf-8", "surrogatepass")
        else:  # a store may be made to hold anything
            kind, data = b"?", repr(each).encode()
        parts.append(b"%b%d:%b" % (kind, len(data), data))
    return b"".join(parts)
