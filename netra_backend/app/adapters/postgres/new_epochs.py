"""Giving every thread of a database a new epoch: what has to be done after a backup was restored.

A client that saw events which are not in the backup holds positions that will be given out again. A new epoch tells it that
its positions are of another history.
"""

from __future__ import annotations

from ...core import validation
from ...core.errors import ConfigurationError
from .gate import asked, check_login, check_schema


async def renew_epochs(url: str) -> int:
    """New epochs in a database; how many threads. What restored processes held or had to tell each other is forgotten.

    Raises ``ConfigurationError`` while servers use the database, ``DependencyUnavailable`` where it cannot be used.
    """
    async with asked(url) as connection:
        await check_login(connection)
        await check_schema(connection)
        async with connection.transaction():
            await connection.execute("SET LOCAL ROLE netra_writer")
            await connection.execute("LOCK TABLE process IN SHARE ROW EXCLUSIVE MODE")
            living = await connection.fetchval("SELECT count(*) FROM process WHERE lease > now_ms()")
            if living:
                raise ConfigurationError(
                    [
                        f"{living} server processes use this database. Stop them (a killed process counts for "
                        "30 s), then try again."
                    ],
                    point=validation.EPOCHS_IN_USE,
                )
            for table in ("process", "mailbox", "ticket"):
                await connection.execute(f"DELETE FROM {table}")  # noqa: S608  # names of ours
            renewed: int = await connection.fetchval(
                "WITH renewed AS (UPDATE thread SET epoch = left(md5(gen_random_uuid()::text), 16), holder = NULL, "
                "fence = fence + 1 WHERE owner <> '' RETURNING 1) SELECT count(*) FROM renewed"
            )
        return renewed
