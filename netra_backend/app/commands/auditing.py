"""``netra audit``."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from ..adapters.audit.anchors import anchors_in
from ..adapters.audit.place import anchor_of, stored_keys
from ..adapters.audit.verification import TrailReader, verify
from ..adapters.sqlite.audit_rows import reading_trail
from ..config import Settings
from ..core.audit_chain import Statement, Verdict
from ..core.errors import NetraError
from .common import DataDir, Json, command_group, err, load_settings, out, told

EXIT_BROKEN: Final = 1
EXIT_UNJUDGED: Final = 2

audit: Final = command_group("Prove that the audit trail is whole.")


@audit.callback()
def _audit() -> None:
    """So that one command is a group as well."""


@audit.command("verify")
@told
def verify_trail(
    anchor: Annotated[
        Path | None,
        typer.Option(
            help="A file that holds anchors: a copy of an anchor file, or a server's log. By default, NETRA_AUDIT_ANCHOR.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Look at every row of the audit trail, and at whose each pseudonym is.

    Finds rows that were changed, removed, added or moved, an end that was cut off behind what an anchor names, and pseudonyms
    that lead to another user or to nobody. A server may be running, and a copy of a data directory will do.

    Exits with 0 if the trail is intact, 1 if it is broken, and says where, 2 if it cannot be judged.

    \b
    Examples:
      netra audit verify
      netra audit verify --anchor /var/log/netra.log
    """
    try:
        verdict = asyncio.run(_verdict(load_settings(data_dir), anchor))
    except NetraError as fault:
        verdict = Verdict("unjudged", f"{fault.message} {fault.hint}".strip())
    _tell(verdict, as_json)


def _tell(verdict: Verdict, as_json: bool) -> None:
    if as_json:
        shown = {"state": verdict.state, "place": verdict.place, "rows": verdict.rows, "last": verdict.last}
        typer.echo(json.dumps(shown))
    if verdict.state == "intact":
        if not as_json:
            out.print(
                f"✓ The audit trail is intact: {verdict.rows:,} rows, the last one {verdict.last}.", highlight=False
            )
        return
    word = "is broken" if verdict.state == "broken" else "cannot be judged"
    err.print(
        f"✗ The audit trail {word}: {verdict.place}", style="bold red", markup=False, highlight=False, soft_wrap=True
    )
    raise typer.Exit(EXIT_BROKEN if verdict.state == "broken" else EXIT_UNJUDGED)


async def _verdict(settings: Settings, anchor: Path | None) -> Verdict:
    keys = stored_keys(settings)
    if keys is None:
        return _unjudged(
            f"there is no key in {settings.data_dir}. Set NETRA_AUDIT_KEY or NETRA_AUDIT_KEY_FILE, or --data-dir."
        )
    try:
        anchors = _anchors(settings, anchor)  # before the rows: a server that is running goes on meanwhile
        async with _reading(settings) as reader:
            verdict = await verify(reader, keys, anchors)
            others = [chain for chain in await reader.chains() if chain != keys.chain]
    except (OSError, ValueError, sqlite3.Error) as fault:
        return _unjudged(f"{fault}.")
    if verdict.state == "broken":
        return verdict
    if not any(each.chain == keys.chain for each in anchors):
        return _unjudged(
            "there is no anchor of this key, so an end that was cut off would not be noticed"
            f" ({verdict.rows:,} rows follow on each other). Give a file that holds anchors with --anchor."
        )
    if verdict.state == "unjudged":
        return _unjudged(
            f"{verdict.place}. If each of those chains is one of yours, run this with its key, and look whether it is intact and"
            f" you know of the deletion. The {verdict.rows:,} rows of this one follow on each other."
        )
    if others:
        return _unjudged(
            f"rows stand there that are none of this key's (chains {', '.join(map(str, others[:8]))}), and nobody is shown"
            f" them; those of this one ({verdict.rows:,} rows) are intact. Run this with each of the keys, and set one"
            " NETRA_AUDIT_KEY for all servers."
        )
    return verdict


def _unjudged(why: str) -> Verdict:
    return Verdict("unjudged", why)


def _anchors(settings: Settings, given: Path | None) -> list[Statement]:
    return anchors_in(given) if given is not None else anchor_of(settings).read()


@asynccontextmanager
async def _reading(settings: Settings) -> AsyncIterator[TrailReader]:
    """Raises ``OSError``, ``sqlite3.Error``, and ``NetraError`` for a database that cannot be used."""
    if settings.database_url is None:
        with reading_trail(settings.data_dir / "audit.db") as reader:
            yield reader
        return
    from ..adapters.postgres.audit_rows import reading_trail as reading_postgres
    from ..adapters.postgres.connection import TROUBLE, unavailable
    from ..adapters.postgres.gate import require_version

    await require_version(settings.database_url, settings.limits)
    try:
        async with reading_postgres(settings.database_url, settings.limits) as reading:
            yield reading
    except TROUBLE as trouble:
        raise unavailable(trouble) from trouble
