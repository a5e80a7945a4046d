"""The operator's command that looks at files, run for real."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netra_backend.app.adapters.process.file_scan import CommandScan
from netra_backend.app.core.errors import DependencyUnavailable
from test_framework.waiting import PATIENCE_S, until

PART = b"x" * 262_144


def is_running(pid: str) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().split()[2] != "Z"


async def parts_of(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def python(program: str, within_s: float = 30.0) -> CommandScan:
    return CommandScan((sys.executable, "-c", program), within_s=within_s)


async def test_a_command_gets_the_whole_file_and_its_exit_status_decides() -> None:
    scan = python("import sys; sys.exit(sys.stdin.buffer.read().count(b'x') != 10 * 262144)")
    assert await scan(parts_of(*[PART] * 10))
    assert not await scan(parts_of(*[PART] * 9))


@pytest.mark.parametrize("status", [0, 1])
async def test_a_command_may_decide_before_it_has_read_all(status: int) -> None:
    scan = python(f"import sys; sys.stdin.buffer.read(1); sys.exit({status})")
    assert await scan(parts_of(*[PART] * 40)) is (status == 0)


async def test_a_command_that_dies_of_a_signal_refuses() -> None:
    assert not await python("import os; os.kill(os.getpid(), 9)")(parts_of(b"x"))


async def test_a_command_learns_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_JWT_SECRET", "a secret")
    assert await python("import os, sys; sys.exit('NETRA_JWT_SECRET' in os.environ)")(parts_of(b"x"))


async def test_nobody_can_say_without_a_command_that_runs(tmp_path: Path) -> None:
    with pytest.raises(DependencyUnavailable, match="cannot be run"):
        await CommandScan((str(tmp_path / "absent"),))(parts_of(b"x"))


async def test_a_command_that_does_not_end_is_ended_with_what_it_started(tmp_path: Path) -> None:
    told = tmp_path / "pids"
    program = (
        "import os, subprocess, sys, time; child = subprocess.Popen(['sleep', '600']);"
        f"open({str(told)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}'); time.sleep(600)"
    )
    with pytest.raises(DependencyUnavailable, match="did not end within 1 seconds"):
        await python(program, within_s=1.0)(parts_of(*[PART] * 10))
    await until(lambda: not any(map(is_running, told.read_text().split())))  # it takes the system a moment


async def test_what_left_its_group_and_holds_the_file_open_holds_up_nobody(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    program = (
        "import subprocess, time; child = subprocess.Popen(['sleep', '600'], start_new_session=True);"
        f"open({str(told)!r}, 'w').write(str(child.pid)); time.sleep(600)"
    )
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(DependencyUnavailable, match="did not end"):
            await python(program, within_s=1.0)(parts_of(*[PART] * 10))
    os.kill(int(told.read_text()), signal.SIGKILL)
