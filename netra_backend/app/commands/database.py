"""``netra db``, and ``netra restored``, the name that ``netra db reset-epochs`` had in 0.1.0."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ..adapters.process.data_directory import lock_data_directory, make_data_directory
from ..adapters.sqlite import new_epochs as sqlite_epochs
from .common import DataDir, command_group, counted, err, load_settings, out, told

db = command_group("Maintain the database.")


@db.command("reset-epochs")
@told
def reset_epochs(data_dir: DataDir = None) -> None:
    """Have clients read every thread again; run this once after you restored a backup.

    Every thread gets a new epoch. Clients that saw events which are not in the backup then know that their positions no longer
    count. Works on NETRA_DATABASE_URL, or on the data directory without it, and only while no server uses them.

    \b
    Example:
      netra db reset-epochs --data-dir /srv/netra
    """
    _reset(data_dir)


@told
def restored(data_dir: DataDir = None) -> None:
    """Deprecated: use netra db reset-epochs."""
    err.print("netra restored is deprecated and will be removed. Use: netra db reset-epochs", style="yellow")
    _reset(data_dir)


def _reset(data_dir: Path | None) -> None:
    settings = load_settings(data_dir)
    if settings.database_url is not None:
        from ..adapters.postgres import new_epochs as postgres_epochs  # its driver comes with an extra

        renewed = asyncio.run(postgres_epochs.renew_epochs(settings.database_url))
    else:
        directory = make_data_directory(settings.data_dir)
        lock = lock_data_directory(directory)
        try:
            path = directory / "events.db"
            renewed = sqlite_epochs.renew_epochs(path) if path.exists() else 0
        finally:
            lock.release()
    out.print(
        f"✓ {counted(renewed, 'thread')} got a new epoch; clients will read them again.", highlight=False, markup=False
    )
