"""A zygote says when it has loaded everything, and ends with its standard input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_it_loads_what_it_is_told_and_ends_with_its_input(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "test_framework.crashes.zygote", str(tmp_path / "moment"), "decimal"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=60)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"loaded": True}]
