"""A server named by environment stands for staging: nothing is started, and users come from a command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from test_framework.runner import STAGING_TOKEN_COMMAND, STAGING_URL
from test_framework.server_process import ServerProcess

TESTS = Path(__file__).resolve().parents[2]
RUNNER = TESTS / "unified_test_runner.py"
TOKENS = """
import sys
from pathlib import Path
from test_framework.users import LocalUsers
user = LocalUsers(Path({data_dir!r})).make(sys.argv[1], scopes=sys.argv[2:])
print(user.id, user.token)
"""


def test_the_golden_path_passes_against_a_server_that_was_started_separately(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        command = tmp_path / "tokens.py"
        command.write_text(TOKENS.format(data_dir=str(server.data_dir)))
        environment = {
            STAGING_URL: server.websocket_url,
            STAGING_TOKEN_COMMAND: f"{sys.executable} {command}",
        }
        chosen = ["--category", "e2e", "--env", "staging", "--pattern", "*golden*path*ssot*"]
        chosen += ["--junit", str(tmp_path / "junit.xml"), "-p", "no:cacheprovider"]
        done = subprocess.run(
            [sys.executable, str(RUNNER), *chosen],
            env=server.environment() | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:]
        assert "e2e" in done.stdout
