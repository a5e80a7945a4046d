"""A real server process of a test's own."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from test_framework.server_process import ServerFailed, ServerProcess, json_lines

OWNER = """
import sys
from pathlib import Path
from test_framework.server_process import ServerProcess
server = ServerProcess(Path(sys.argv[1])).start()
print(server.process.pid, flush=True)
sys.stdin.read()
"""


def test_a_server_answers_ends_in_order_and_starts_again_on_its_data(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        assert httpx.get(f"{server.url}/healthz", trust_env=False).status_code == 200
        assert server.websocket_url == server.url.replace("http://", "ws://")
        assert server.stop() == 0
        server.start()
        assert httpx.get(f"{server.url}/readyz", trust_env=False).status_code == 200
        server.signal(signal.SIGSTOP)
        server.signal(signal.SIGCONT)
        server.kill()
        with pytest.raises(RuntimeError, match="not running"):
            server.process.poll()


def test_other_commands_run_with_the_same_settings_and_data(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        done = server.command("check", "--json")
        assert done.returncode == 0, done.stderr
        assert str(tmp_path / "data") in str(json_lines(done.stdout)[0]["findings"])
        token = server.command("token", "user_123").stdout.strip()
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"{server.url}/api/me", headers=headers, trust_env=False).json()["user_id"] == "user_123"


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="NETRA_NONSENSE"), ServerProcess(tmp_path, {"NETRA_NONSENSE": "1"}):
        pass


def test_settings_of_whoever_runs_the_tests_are_not_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_NONSENSE", "1")
    with ServerProcess(tmp_path / "data") as server:
        assert server.url
    assert server.log() == ""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the parent-death signal is Linux's")
def test_a_server_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, tmp_path / "data"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        watched = os.pidfd_open(int(owner.stdout.readline()))
        owner.kill()
        ended, _, _ = select.select([watched], [], [], 30)
        os.close(watched)
        assert ended
