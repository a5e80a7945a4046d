"""``netra restored``."""

from __future__ import annotations

import asyncio

from ..adapters.event_log.new_epochs import renew_postgres, renew_sqlite
from ..adapters.process.data_directory import lock_data_directory, make_data_directory
from .common import DataDir, load_settings, out, told


@told
def restored(data_dir: DataDir = None) -> None:
    """Tell clients that history went back: run it once after a backup was restored, before any server is started.

    Every thread gets a new epoch, so that a client which saw events that are not in the backup reads the thread anew. Works
    on NETRA_DATABASE_URL, or on the data directory where that is not set. Refused while a server uses either.

    Example: netra restored --data-dir /srv/netra
    """
    settings = load_settings(data_dir)
    if settings.database_url is not None:
        renewed = asyncio.run(renew_postgres(settings.database_url))
    else:
        directory = make_data_directory(settings.data_dir)
        lock = lock_data_directory(directory)
        try:
            path = directory / "events.db"
            renewed = renew_sqlite(path) if path.exists() else 0
        finally:
            lock.release()
    out.print(f"✓ {renewed:,} threads have a new epoch: clients read them anew.", highlight=False, markup=False)
