"""What the documents say holds: their examples run, and the names in them are those of the code."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from netra_backend.app.cli import COMMANDS
from netra_backend.app.config import Settings
from netra_backend.app.core.errors import ToolError
from netra_backend.app.core.limits import AT_LEAST, LIMIT_RANGES, Limits
from netra_backend.app.core.validation import CATALOGUE
from netra_backend.app.settings_reader import LIMIT_NAMES, LIMIT_PREFIX, NAMES
from test_framework.ssot.fixtures import create_valid_user_execution_context

EXAMPLE = re.compile(r"^```python\n# (\w+)\.py\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!\w+://)([^)#]*)(?:#[^)]*)?\)")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
PROMISE = re.compile(r"^\| (\d) \|[^|]*\| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)


def examples(text: str) -> dict[str, str]:
    """The modules that a document shows, by the name in their first line."""
    return {match[1]: match[2] for match in EXAMPLE.finditer(text)}


def rows(text: str, heading: str) -> Iterator[list[str]]:
    """The cells of the table below a heading, without its own head."""
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


@pytest.fixture(scope="session")
def readme(root: Path) -> str:
    return (root / "README.md").read_text()


@pytest.fixture
def written(readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The README's modules, where they can be imported."""
    for name, source in examples(readme).items():
        (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in examples(readme):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("module", ["test_my_agents", "test_my_factory"])
async def test_the_readmes_examples_pass_their_own_tests(written: Path, module: str) -> None:
    loaded = importlib.import_module(module)
    found = [each for name, each in vars(loaded).items() if name.startswith("test_")]
    assert found
    for each in found:
        outcome = each(written) if inspect.signature(each).parameters else each()
        if inspect.isawaitable(outcome):
            await outcome


async def test_the_readmes_tools_act_answer_in_their_own_codes_and_count(written: Path) -> None:
    module = importlib.import_module("my_tools")
    factory = UnifiedToolDispatcherFactory()
    factory.configure(module.TOOLS)
    tools = factory.create_for_request(create_valid_user_execution_context(user_id="ada"))

    async def call(tool: str, **arguments: str) -> Any:
        return await tools.dispatch_tool({"tool": tool, "arguments": arguments})

    assert await call("send_note", to="bob") == "sent"
    assert module.SENT == ["ada to bob: Hello!"]
    assert await call("count_notes", to="bob") == 1
    with pytest.raises(ToolError) as refused:
        await call("send_note", to="ada", text="Hi")
    assert (refused.value.code, refused.value.hint) == ("SENT_TO_ONESELF", "Name somebody else.")
    described = {each["name"]: (each["idempotent"], each["approval"]) for each in factory.describe()}
    assert described == {"send_note": (False, True), "count_notes": (True, False)}


@pytest.mark.parametrize("name", ["my_agents", "my_tools", "test_my_agents", "my_factory", "test_my_factory"])
def test_the_readmes_examples_import_what_is_public(readme: str, name: str) -> None:
    allowed = ("netra_server", "netra_backend.app.services.user_execution_context", "test_framework.ssot")
    imported = [
        node.module or ""
        for node in ast.walk(ast.parse(examples(readme)[name]))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("netra", "test_framework"))
    ]
    assert imported
    assert [module for module in imported if not module.startswith(allowed)] == []


def test_versioning_lists_what_is_deprecated(root: Path) -> None:
    listed = [former.split("`")[1] for former, _ in rows((root / "docs/versioning.md").read_text(), "A deprecation")]
    assert {each.rpartition(".")[0] for each in listed if each.startswith(("netra", "test_framework"))} == {
        "netra_backend.app.agents.agent",
        "netra_backend.app.agents.tools.tool",
        "netra_backend.app.core.errors",
        "netra_backend.app.wiring",
        "netra_backend.client",
        "test_framework.in_process",
    }


def test_the_readme_has_every_setting_with_its_default_and_no_other(readme: str) -> None:
    settings = Settings(Path("data"))
    table = {row[0].strip("`"): row[1] for row in rows(readme, "Configure")}
    assert set(table) == NAMES - LIMIT_NAMES
    for name, default in table.items():
        value = getattr(settings, name.removeprefix("NETRA_").lower(), None)
        if name != "NETRA_DATA_DIR":
            assert default == (f"`{value}`" if value else "–"), name


def test_every_limit_stands_in_its_table_with_default_range_and_meaning(root: Path) -> None:
    usual = Limits()
    told = [
        [
            f"`{LIMIT_PREFIX}{name.upper()}`",
            plain(getattr(usual, name)),
            f"{plain(bounds.low)} – {plain(bounds.high)}",
            bounds.unit,
            bounds.about,
        ]
        for name, bounds in LIMIT_RANGES.items()
    ]
    expected = "\n".join(f"| {' | '.join(row)} |" for row in told)
    assert list(rows((root / "docs/limits.md").read_text(), "The table")) == told, f"the table should be:\n{expected}"


def test_every_limit_that_must_fit_another_stands_in_the_table_of_them(root: Path) -> None:
    told = [
        [f"`{larger.upper()}`", f"`{smaller.upper()}`" + (f" and {more:,} more" if more else "")]
        for larger, smaller, more in AT_LEAST
    ]
    assert list(rows((root / "docs/limits.md").read_text(), "What must fit")) == told


def plain(bound: float) -> str:
    return f"{bound:,.0f}" if bound == int(bound) else f"{bound}"


def test_the_readme_has_every_command(readme: str) -> None:
    told = {row[0].strip("`").split()[1] for row in rows(readme, "Use it")}
    assert told == {*COMMANDS, "simulate"}


def test_every_invariant_names_points_and_tests_that_there_are(root: Path) -> None:
    promises = PROMISE.findall((root / "ARCHITECTURE.md").read_text())
    assert [number for number, _, _ in promises] == list("123456789")
    for number, points, tests in promises:
        named = re.findall(r"`([^`]+)`", points)
        assert named, number
        assert [point for point in named if point not in CATALOGUE] == [], number
        witnesses = TEST.findall(tests)
        assert witnesses, number
        for path, name in witnesses:
            tree = ast.parse((root / path).read_text())
            functions = (ast.FunctionDef, ast.AsyncFunctionDef)
            assert name in {node.name for node in ast.walk(tree) if isinstance(node, functions)}, f"{path}::{name}"


def test_every_link_between_documents_leads_somewhere(root: Path, files: list[Path]) -> None:
    dead = [
        f"{path}: {link}"
        for path in files
        if path.suffix == ".md"
        for link in LINK.findall((root / path).read_text())
        if link and not ((root / path).parent / link).exists()
    ]
    assert dead == []
