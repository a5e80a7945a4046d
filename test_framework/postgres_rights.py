"""Writes ``netra_backend/app/adapters/postgres/rights.txt`` anew, from a database that was just migrated: ``python -m
test_framework.postgres_rights``. Run it after a migration was changed or added, and read the difference."""

from __future__ import annotations

import asyncio

from netra_backend.app.adapters.postgres.gate import asked
from netra_backend.app.adapters.postgres.rights import EXPECTED, read_rights

from . import services
from .service_clients import own_netra_database, prepared


async def _write(server_url: str) -> None:
    async with (
        prepared(server_url) as template,
        own_netra_database(template) as database,
        asked(database.admin_url) as connection,
    ):
        EXPECTED.write_text("".join(f"{line}\n" for line in await read_rights(connection)))


def main() -> None:
    with services.postgres() as service:
        asyncio.run(_write(service.url))


if __name__ == "__main__":
    main()
