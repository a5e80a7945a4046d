"""``python -m test_framework.serve_with``, as 0.1.0 had it: it still serves, and says what to write now."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from test_framework.reaper import in_child


def test_it_serves_and_warns_with_its_successor(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "test_framework.serve_with",
        "test_framework.echo",
        "--data-dir",
        str(tmp_path / "data"),
    ]
    served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=in_child())
    assert served.stdout is not None
    assert json.loads(served.stdout.readline())["ready"] is True
    served.terminate()
    _, said = served.communicate()
    assert served.returncode == 0
    assert b"DeprecationWarning: python -m test_framework.serve_with MODULE is now netra serve --app MODULE" in said
