"""What a process keeps and by what it works with others: both kinds of stores open, hold, and close again."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from netra_backend.app.config import Settings
from netra_backend.app.core.errors import ConfigurationError
from netra_backend.app.wiring import open_runtime
from test_framework.echo import AGENTS, TOOLS
from test_framework.local_runtime import connected_user
from test_framework.service_clients import NetraDatabase
from test_framework.services import Service

LOADED = """
import sys, asyncio
from pathlib import Path
from netra_backend.app.config import Settings
from netra_backend.app.wiring import open_runtime

async def main():
    async with open_runtime(Settings(data_dir=Path(sys.argv[1]))):
        print(*sorted(sys.modules))

asyncio.run(main())
"""


def test_an_embedded_server_loads_nothing_of_what_several_processes_need(tmp_path: Path) -> None:
    done = run([sys.executable, "-c", LOADED, str(tmp_path / "data")], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "netra_backend.app.adapters.sqlite.event_log" in loaded
    assert not {"asyncpg", "redis", "alembic", "sqlalchemy", "obstore"} & loaded
    shared = (
        "netra_backend.app.adapters.postgres",
        "netra_backend.app.adapters.redis",
        "netra_backend.app.cluster.command_handler",
    )
    assert [name for name in loaded if name.startswith(shared)] == []


@pytest.fixture
def settings(netra_database: NetraDatabase, redis_service: Service, tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", database_url=netra_database.url, redis_url=redis_service.url)


async def open_two(stack: AsyncExitStack, settings: Settings) -> list[Any]:
    """Two processes in one directory, as their parent starts them."""
    return [await stack.enter_async_context(open_runtime(settings, AGENTS, TOOLS, slot=slot)) for slot in (1, 2)]


@pytest.mark.real_services
async def test_two_processes_of_one_server_know_each_other_and_have_rooms_of_their_own(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        one, two = await open_two(stack, settings)
        assert one.scratch != two.scratch
        assert one.log.process_id != two.log.process_id
        async with connected_user(one, "user_ada") as device, connected_user(two, "user_ada") as other:
            device.send(type="execute_agent", agent="echo", message="hello")
            assert (await device.ended_run())["type"] == "agent_completed"
            assert (await other.ended_run())["type"] == "agent_completed"
    async with open_runtime(settings) as again:
        assert again.runs.recovery.taken_over == 0


@pytest.mark.real_services
async def test_a_revocation_at_one_process_ends_sign_ins_at_the_other(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        one, two = await open_two(stack, settings)
        async with connected_user(two, "user_ada") as device:
            await one.revocations.revoke("user_ada", one.clock.now_ms())
            async with asyncio.timeout(20):
                while device.wire.closed is None:  # noqa: ASYNC110
                    await asyncio.sleep(0)
            assert device.wire.closed == (4503, "revoked")


@pytest.mark.real_services
async def test_a_database_that_would_not_keep_users_apart_is_refused_and_all_is_closed(
    netra_database: NetraDatabase, tmp_path: Path
) -> None:
    unsafe = Settings(data_dir=tmp_path / "data", database_url=netra_database.admin_url)
    for _ in range(2):  # the second time shows that the first let go of the directory
        with pytest.raises(ConfigurationError, match="Row-level security does not apply to"):
            async with open_runtime(unsafe):
                pass
