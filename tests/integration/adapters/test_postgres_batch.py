"""What PostgreSQL says of a batch whose outcome is not known."""

from __future__ import annotations

import pytest

from netra_backend.app.adapters.postgres_batch import IS_STORED
from netra_backend.app.adapters.postgres_connection import WRITER, connect
from netra_backend.app.adapters.postgres_holdings import Held, PostgresHoldings
from netra_backend.app.adapters.postgres_lines import PostgresLines
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

_THREAD = """
INSERT INTO netra.thread (thread_id, owner, epoch, title, created, updated, top, fence) VALUES ($1, 'ada', 'epo', '', 1, 1, 1, 1)
"""
_RUN = """
INSERT INTO netra.run (run_id, thread_id, owner, agent, request_id, timezone, created, seq, ended)
VALUES ('run_1', $1, 'ada', 'echo', 'req_1', 'UTC', 1, 1, $2)
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


@pytest.mark.parametrize(("ended", "setting"), [(0, "on"), (1, "off")])
async def test_a_hold_of_a_thread_in_which_runs_were_left_waits_for_the_disk(
    netra_database: NetraDatabase, monkeypatch: pytest.MonkeyPatch, ended: int, setting: str
) -> None:
    admin = await connect(netra_database.admin_url, None)
    lines = PostgresLines(netra_database.url, WRITER, 1)
    found: list[str] = []
    ask = lines.ask

    async def asked(question: str, *arguments: object) -> object:
        rows = await ask(question, *arguments)
        found.extend(row["soon"] for row in rows if "soon" in row)
        return rows

    monkeypatch.setattr(lines, "ask", asked)
    try:
        for thread_id in ("thr_quiet", "thr_left"):
            await admin.execute(_THREAD, thread_id)
        await admin.execute(_RUN, "thr_left", ended)
        held = await PostgresHoldings(lines, "prc_1").hold(["thr_quiet", "thr_left"])
        fences = {thread_id: each.fence for thread_id, each in held.items() if isinstance(each, Held)}
        assert fences == {"thr_quiet": 2, "thr_left": 2}
        assert found == [setting, setting]
    finally:
        await admin.close()
        await lines.close()
