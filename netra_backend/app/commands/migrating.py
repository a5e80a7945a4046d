"""``netra migrate``."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from ...distribution import missing_packages
from ..adapters.process.data_directory import lock_data_directory, make_data_directory
from ..adapters.sqlite.migration import migrate_sqlite
from ..adapters.sqlite.schema import stored_version
from ..config import Settings
from .common import EXIT_REFUSED, EXIT_USAGE, DataDir, err, load_settings, out, told


@told
def migrate(
    database_url: Annotated[
        str | None,
        typer.Option(
            help="An administrator's postgresql:// address of the database; - reads it from stdin.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with 1 if a server would not start.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Bring the database to the schema of this version.

    For PostgreSQL these are roles, schema and grants; without NETRA_DATABASE_URL, the tables of the embedded event log. You
    can run it again at any time. The role that NETRA_DATABASE_URL logs in as is created if it is missing, and gets the rights
    that a server needs, and no more.

    Exits with 0 if the database is ready, 1 if it is not, 2 if the command was called wrongly.

    \b
    Examples:
      netra migrate
      netra migrate --check
      netra migrate --database-url postgresql://postgres@db/netra
    """
    settings = load_settings(data_dir)
    admin_url = sys.stdin.readline().strip() if database_url == "-" else database_url
    if check:
        _check(settings, admin_url)
        return
    if admin_url is not None:
        _migrate_postgres(admin_url, settings)
    elif settings.database_url is not None:
        err.print(
            "✗ NETRA_DATABASE_URL is a server's login, which cannot change the schema. Give an administrator's address with "
            "--database-url (- reads it from stdin).",
            style="bold red",
            markup=False,
            soft_wrap=True,
        )
        raise typer.Exit(EXIT_USAGE)
    else:
        _migrate_sqlite(settings)


def _migrate_postgres(admin_url: str, settings: Settings) -> None:
    _require("netra migrate --database-url", "asyncpg", "alembic", "sqlalchemy")
    from ..adapters.postgres.gate import require_postgres
    from ..adapters.postgres.migration import login_of, migrate_postgres

    login = None if settings.database_url is None else login_of(settings.database_url)
    done = _Steps()
    asyncio.run(migrate_postgres(admin_url, done.report, login=login))
    done.end("PostgreSQL")
    if settings.database_url is None:
        _line(
            "  NETRA_DATABASE_URL is not set. Set it and run this again, or prepare the server's role yourself: "
            "GRANT netra_writer, netra_reader TO … WITH INHERIT FALSE, SET TRUE"
        )
    else:
        asyncio.run(require_postgres(settings.database_url, settings.limits))
        _line("✓ A server with this NETRA_DATABASE_URL can start.")


def _require(needed_by: str, *packages: str) -> None:
    if missing := missing_packages(needed_by, "scale", *packages):
        err.print(f"✗ {missing[0]}", style="bold red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(EXIT_REFUSED)


def _migrate_sqlite(settings: Settings) -> None:
    data_dir = make_data_directory(settings.data_dir)
    lock = lock_data_directory(data_dir)
    try:
        done = _Steps()
        for version in migrate_sqlite(data_dir / "events.db"):
            done.report(f"migrated events.db to version {version}")
        done.end("The embedded event log")
    finally:
        lock.release()


class _Steps:
    """Tells what is done, when it is done."""

    def __init__(self) -> None:
        self.count = 0

    def report(self, step: str) -> None:
        self.count += 1
        _line(f"✓ {step}")

    def end(self, what: str) -> None:
        _line(f"✓ {what} is now up to date." if self.count else f"✓ {what} is already up to date.")


def _check(settings: Settings, admin_url: str | None) -> None:
    """Raises ``NetraError`` where a server would not start."""
    if admin_url is not None or settings.database_url is not None:
        _require("netra migrate --check", "asyncpg")
        from ..adapters.postgres.gate import require_postgres, require_schema

        asyncio.run(
            require_schema(admin_url)
            if admin_url is not None
            else require_postgres(settings.database_url or "", settings.limits)
        )
        what = "PostgreSQL"
    else:
        path = settings.data_dir / "events.db"
        if path.exists():
            stored_version(path)
        what = "The embedded event log"
    _line(f"✓ {what} is up to date.")


def _line(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)
