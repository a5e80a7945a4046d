"""What PostgreSQL says of a batch whose outcome is not known."""

from __future__ import annotations

import pytest

from netra_backend.app.adapters.postgres.batch import IS_STORED
from netra_backend.app.adapters.postgres.connection import WRITER, connect
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

_THREAD = """
INSERT INTO netra.thread (thread_id, owner, epoch, title, created, updated, top, fence) VALUES ($1, 'ada', 'epo', '', 1, 1, 1, 1)
"""


async def test_a_batch_is_not_taken_for_stored_because_another_run_has_its_place_and_fence(
    netra_database: NetraDatabase,
) -> None:
    admin = await connect(netra_database.admin_url, None)
    writer = await connect(netra_database.url, WRITER)
    try:
        await admin.execute(_THREAD, "thr_1")
        await admin.execute(
            "INSERT INTO netra.log (thread_id, seq, n, owner, run_id, fence, payload) "
            "VALUES ('thr_1', 1, 1, 'ada', 'run_theirs', 1, '{}')"
        )
        assert await writer.fetchval(IS_STORED, ["thr_1"], [1], [1], ["run_theirs"])
        assert not await writer.fetchval(IS_STORED, ["thr_1"], [1], [1], ["run_ours"])
    finally:
        await admin.close()
        await writer.close()
