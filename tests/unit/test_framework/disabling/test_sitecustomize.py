"""Child processes take the point out as well."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from test_framework.disabling.import_hook import environment

PROGRAM = """
from netra_backend.app.core.ids import check_id
check_id("user_id", "not an id")
print("taken for an id")
"""


@pytest.mark.parametrize(("disabled", "code"), [("netra_backend.app.core.ids:ID_FORMAT", 0), ("", 1)])
def test_a_python_process_imports_the_module_without_the_point_only_where_told(disabled: str, code: int) -> None:
    variables = environment(disabled)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert ("taken for an id" in done.stdout) is (code == 0)
    assert ("InvalidContextError" in done.stderr) is (code == 1)
