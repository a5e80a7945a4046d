"""Reading an audit trail's chain from its store and looking at it: its end before a server starts, and all of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final, Protocol

from ...core import validation
from ...core.audit_chain import ChainKeys, SealedRow, Statement, Verdict, Verifier
from ...core.errors import ConfigurationError
from .subjects import SubjectReader, SubjectVerifier

PAGE: Final = 500
TAIL: Final = 1_000
"""So many rows at the chain's end are looked at before a server starts, or all since the newest anchor."""

ROW: Final = "id, at, subject, event, point, detail, seal"
"""The columns that ``sealed`` takes."""


class BrokenTrail(Exception):
    """The chain does not stand; says where."""


class TrailReader(SubjectReader, Protocol):
    """One view of a stored trail, which does not change while it is read."""

    async def chains(self) -> list[str]:
        """The names of all chains that have rows."""

    async def checkpoint(self, chain: str) -> Statement | None:
        """The newest checkpoint."""

    async def rows(self, chain: str, after: int | None) -> list[SealedRow]:
        """The next ``PAGE`` rows behind this id, in order; ``None``: from the lowest id on, which may be below 0."""

    async def row_up_to(self, chain: str, id: int) -> SealedRow | None:
        """The last row with at most this id."""

    async def id_from_end(self, chain: str, count: int) -> int:
        """The id of the row that ``count`` rows follow on; 0 if there are fewer."""


async def verify(
    reader: TrailReader,
    keys: ChainKeys,
    anchors: Sequence[Statement],
    *,
    tail: int | None = None,
    up_to: int | None = None,
) -> Verdict:
    """Look at the chain of this key, with those of ``anchors`` that are about it, and at the pseudonyms that its rows name.
    ``tail``: only at its last rows, but at all since the newest anchor. ``up_to``: at no row behind this one, and rows alone."""
    chain = keys.chain
    own = [anchor for anchor in anchors if anchor.chain == chain]
    checkpoint = await reader.checkpoint(chain)
    since: SealedRow | None = None
    if tail is not None:
        newest = max((anchor.id for anchor in own), default=None)
        begin = await reader.id_from_end(chain, tail)
        since = await reader.row_up_to(chain, begin if newest is None else min(begin, newest))
    verifier = Verifier(keys, checkpoint=checkpoint, anchors=own, since=since)
    subjects = SubjectVerifier(reader, keys)
    after = since.entry.id if since is not None else None
    while not verifier.is_broken and (rows := await reader.rows(chain, after)):
        verifier.feed(row for row in rows if up_to is None or row.entry.id <= up_to)
        if up_to is None and not verifier.is_broken:
            await subjects.feed(rows)
        after = rows[-1].entry.id
        if up_to is not None and after >= up_to:
            break
    if tail is None and up_to is None and not verifier.is_broken:
        await subjects.feed_table()
    verdict = verifier.end()
    if subjects.place and verdict.state == "intact":
        return dataclasses.replace(verdict, state="broken", place=subjects.place)
    if subjects.unproved and verdict.state == "intact":
        return dataclasses.replace(verdict, state="unjudged", place=subjects.unproved)
    return verdict


async def require_removable(reader: TrailReader, keys: ChainKeys, up_to: int) -> int:
    """How many rows a cut up to this one removes: each was looked at, from the checkpoint or the beginning on. Raises
    ``BrokenTrail`` where they do not follow on each other: a checkpoint would vouch for what nobody wrote."""
    verdict = await verify(reader, keys, (), up_to=up_to)
    if verdict.state == "broken":
        raise BrokenTrail(verdict.place)
    return verdict.rows


def require_intact(verdict: Verdict, where: str) -> None:
    """Raises ``ConfigurationError`` if a chain is broken, or not proved: a server that went on would cover it up."""
    if verdict.state != "intact":
        word = "is broken" if verdict.state == "broken" else "cannot be judged"
        raise ConfigurationError(
            [
                f"The audit trail in {where} {word}: {verdict.place}. Keep it as evidence and find out who changed it "
                "(netra audit verify looks at all of it). To go on with a new chain, set another NETRA_AUDIT_KEY"
                " (docs/audit.md)."
            ],
            point=validation.AUDIT_CHAIN,
        )


def stands(anchor: Statement, checkpoint: Statement | None, row: SealedRow | None) -> bool:
    """Whether what an anchor names is still there, or was removed by retention. ``row``: the last one up to its id."""
    if checkpoint is not None and anchor.id <= checkpoint.id:
        return anchor.id < checkpoint.id or anchor.seal == checkpoint.seal
    return anchor.id == 0 or (row is not None and row.entry.id == anchor.id and row.seal == anchor.seal)
