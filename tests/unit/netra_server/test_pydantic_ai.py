"""The public module of agents of pydantic-ai: what it gives, what it says if the package is missing, and who loads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from netra_backend.distribution import install_hint

FRAMEWORKS = "('pydantic_ai', 'langgraph', 'agents', 'mcp', 'fastmcp')"
NOT_LOADED = f"assert not [name for name in sys.modules if name.partition('.')[0] in {FRAMEWORKS}]"


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_it_gives_serve() -> None:
    code = """
import netra_server.pydantic_ai as public
assert public.__all__ == ["serve"]
assert "stateless_toolsets" in public.serve.__doc__
"""
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_if_the_package_is_missing_it_says_how_to_install_it() -> None:
    code = """
import importlib.util
find = importlib.util.find_spec
import netra_backend.distribution as distribution
distribution.find_spec = lambda name: None if name == "pydantic_ai" else find(name)
import netra_server.pydantic_ai
"""
    done = python(code)
    assert done.returncode == 1
    assert install_hint("pydantic-ai") in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("ModuleNotFoundError")


def test_a_server_without_such_agents_loads_no_framework(tmp_path: Path) -> None:
    code = f"""
import sys
import netra_server
netra_server.create_app, netra_server.Agent, netra_server.tool
from netra_backend.app.config import Settings
from netra_backend.app.extensions.loading import load_application
from pathlib import Path
load_application(Settings(data_dir=Path({str(tmp_path)!r})))
{NOT_LOADED}
"""
    done = python(code)
    assert done.returncode == 0, done.stderr
