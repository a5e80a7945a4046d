"""The private parts of pydantic-ai that its adapter uses, which any minor release may change: each is there, and what to do if it
is not."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai.durable_exec import BaseDurabilityCapability, _base, _toolset, _utils
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.toolsets import AbstractToolset, DynamicToolset

ROOT = Path(__file__).parents[5]
ADAPTER = ROOT / "netra_backend/app/agents/frameworks/pydantic_ai"

PARTS: dict[tuple[Any, str], str] = {
    (BaseDurabilityCapability, "_agent"): "durability: for_agent keeps the agent that it bound itself",
    (BaseDurabilityCapability, "_bind_to_agent"): "durability: wrap the agent's toolsets in for_agent, after super()",
    (
        BaseDurabilityCapability,
        "_bind_model_operations",
    ): "durability: leave it out; operations are bound for each request then",
    (BaseDurabilityCapability, "_wrap_leaf_toolset"): "toolsets: find what makes a durable toolset of one leaf",
    (BaseDurabilityCapability, "_model_stream_event_handler"): "durability: give __init__ an event_stream_handler",
    (BaseDurabilityCapability, "_model_request_operation"): "durability: leave it out; responses are shown whole then",
    (BaseDurabilityCapability, "_model_request_stream_operation"): "durability: as for _model_request_operation",
    (AbstractToolset, "_explicit_id"): "toolsets: tell an id that its author gave from one that is derived",
    (DynamicToolset, "_evaluate_factory"): "toolsets: call the toolset's function with or without the context",
    (_toolset, "DurableMCPToolset"): "mcp_sessions: find what a durable MCP toolset is now, for for_run",
    (_toolset, "RunHeldToolset"): "mcp_sessions: find how a run holds its session open",
    (_toolset.DurableToolsetBase, "_run_held"): "mcp_sessions: as for RunHeldToolset",
    (_toolset.DurableMCPToolset, "_mcp_toolset"): "mcp_sessions: it is wrapped",
    (
        MCPToolset,
        "_client_options",
    ): "mcp_sessions: find how a client is made again, and whether it brings an HTTP client",
    (MCPToolset, "_build_client"): "mcp_sessions: as for _client_options",
    (MCPToolset, "_static_auth"): "mcp_sessions: as for _client_options",
    (MCPToolset, "_static_headers"): "mcp_sessions: as for _client_options",
    (MCPToolset, "_enter_lock"): "mcp_sessions: find what of a copy two runs would share",
    (MCPToolset, "_server_initiated_handlers"): "mcp_sessions: as for _enter_lock",
    (_utils, "_STREAMED_BEFORE_FAILING"): "failures: find where what a stream gave before it failed is kept",
    (_base, "mark_streamed_before_failing"): "failures: as for _STREAMED_BEFORE_FAILING",
}


@pytest.mark.parametrize(("owner", "name"), PARTS, ids=lambda part: part if isinstance(part, str) else "")
def test_each_is_there(owner: Any, name: str) -> None:
    is_there = hasattr(owner, name) or f"self.{name}" in inspect.getsource(owner)
    assert is_there, (
        f"pydantic-ai {version('pydantic-ai-slim')} has no {name} any more. What to do: {PARTS[owner, name]}."
    )


def test_what_a_failed_stream_gave_is_kept_where_it_is_looked_for() -> None:
    assert f'"{_utils._STREAMED_BEFORE_FAILING}"' in (ADAPTER / "failures.py").read_text()


def test_no_other_is_used() -> None:
    named = {name for _, name in PARTS}
    for path in ADAPTER.glob("*.py"):
        tree = ast.parse(path.read_text())
        own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        own |= {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and re.search(r"pydantic_ai\S*\._", node.module or ""):
                assert {each.name for each in node.names} <= named, path.name
            if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr) and node.attr not in own:
                assert node.attr in named, f"{path.name} uses {node.attr}"


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def test_a_minor_release_is_taken_when_these_parts_were_looked_at() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["project"]["optional-dependencies"]["pydantic-ai"], *project["dependency-groups"]["dev"]]
    bounds = [each for each in asked if isinstance(each, str) and each.startswith("pydantic-ai-slim")]
    major, minor = version("pydantic-ai-slim").split(".")[:2]
    assert len(bounds) == 2
    for each in bounds:
        assert each.endswith(f">={major}.{minor},<{major}.{int(minor) + 1}"), each
