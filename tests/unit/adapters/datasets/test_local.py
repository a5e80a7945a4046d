import asyncio
import threading
from pathlib import Path

import pytest

from netra_backend.app.adapters.datasets.local import LocalDatasets, to_its_end


async def test_blocking_work_that_is_cancelled_has_ended_before_anything_else_begins() -> None:
    began, go_on = threading.Event(), threading.Event()
    ended = False

    def work() -> None:
        nonlocal ended
        began.set()
        go_on.wait()
        ended = True

    task = asyncio.create_task(to_its_end(work))
    await asyncio.to_thread(began.wait)
    task.cancel()
    asyncio.get_running_loop().call_soon(go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended


async def test_what_was_staged_is_gone_when_the_stage_is_left(tmp_path: Path) -> None:
    datasets = LocalDatasets(tmp_path / "usage")
    async with datasets.stage("alice", "data_1") as staged:
        (staged.directory / "rows.duckdb").write_text("half")
    assert not staged.directory.exists()
    assert await datasets.of("alice") == []
    await datasets.close()


def test_no_owner_may_be_told_where_the_files_lie(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    assert set(LocalDatasets(link / "usage").secrets) == {str(link / "usage"), str(tmp_path.resolve() / "usage")}
