"""The public package: loads nothing until it is asked, and shows type checkers what it gives at run time."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

import netra_server

PUBLIC = {
    "Agent",
    "AgentResult",
    "InvalidContextError",
    "OutcomeUnknown",
    "RunScope",
    "Settings",
    "StateConflict",
    "Tool",
    "ToolArguments",
    "ToolError",
    "ToolOutcome",
    "UserExecutionContext",
    "__version__",
    "create_app",
    "tool",
}
LOADED = "import sys; before = set(sys.modules); {program}; print(*sorted(set(sys.modules) - before))"


def loaded_by(program: str) -> list[str]:
    """The modules that a fresh interpreter loads for this program."""
    done = subprocess.run([sys.executable, "-c", LOADED.format(program=program)], capture_output=True, check=True)
    return done.stdout.decode().split()


def shown_to_type_checkers() -> Iterator[tuple[str, str]]:
    """Each name and its module, as imported where ``TYPE_CHECKING`` is true."""
    tree = ast.parse(Path(netra_server.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    for node in block.body:
        if isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, node.module or "") for alias in node.names)


def test_importing_it_loads_one_module() -> None:
    assert loaded_by("import netra_server") == ["netra_server"]


def test_a_name_loads_what_it_needs_and_no_server() -> None:
    loaded = loaded_by("from netra_server import Agent, AgentResult, RunScope, Tool, ToolArguments, ToolError, tool")
    assert "netra_backend.app.agents.tools.decorator" in loaded
    assert [name for name in loaded if name.startswith(("netra_backend.app.wiring", "netra_backend.app.web"))] == []
    assert {"duckdb", "starlette", "uvicorn", "sqlite3", "test_framework"} & set(loaded) == set()


def test_its_names_are_these_and_each_of_them_can_be_had() -> None:
    assert set(netra_server.__all__) == PUBLIC == set(dir(netra_server))
    assert all(getattr(netra_server, name) is not None for name in PUBLIC)


def test_type_checkers_see_the_very_objects() -> None:
    shown = dict(shown_to_type_checkers())
    assert set(shown) == PUBLIC - {"__version__"}
    for name, module in shown.items():
        assert getattr(netra_server, name) is getattr(importlib.import_module(module), name), name


def test_a_name_is_loaded_once() -> None:
    vars(netra_server).pop("tool", None)
    first = netra_server.tool
    assert vars(netra_server)["tool"] is first


def test_its_version_is_that_of_what_is_installed() -> None:
    assert netra_server.__version__ == version("netra-server")


def test_another_name_is_missing() -> None:
    with pytest.raises(AttributeError, match="module 'netra_server' has no attribute 'Nothing'"):
        _ = netra_server.Nothing
