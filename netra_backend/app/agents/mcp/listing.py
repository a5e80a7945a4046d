"""What MCP servers say of their tools, as a run has it: names that every model takes, and texts that are marked as theirs."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import msgspec

from ...core.limits import Limits
from ...core.questions import is_too_deep
from ...mcp_ports import McpServer, RemoteTool
from ...services.answer_schemas import AnswerSchema

BETWEEN: Final = "__"
UNAVAILABLE: Final = "unavailable"
_MOST_NAME: Final = 64
"""Of all providers of models, the least that a tool's name may have."""
_DESCRIPTION: Final = 1_000
_REMOTE_NAME: Final = 256
_STRANGE: Final = re.compile(r"[^A-Za-z0-9_-]")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Kinds of characters that a reader does not see, or that turn a line around."""


class FrozenTool(msgspec.Struct, frozen=True):
    """A tool as one run has it. ``remote`` is its server's own name of it. With a ``problem`` it stands for a server that cannot
    be used."""

    name: str
    description: str
    schema: dict[str, Any]
    server_id: str
    remote: str = ""
    trusted: bool = False
    problem: str = ""


def frozen(server: McpServer, tools: Iterable[RemoteTool], limits: Limits, room: int) -> list[FrozenTool]:
    """At most ``room`` of these tools. One whose name or schema no model could be given is left out, and so is the second of
    two that have one name."""
    found: dict[str, FrozenTool] = {}
    for tool in tools:
        if len(found) >= room:
            break
        schema = _schema(tool.schema, limits)
        if schema is None or not 0 < len(tool.name) <= _REMOTE_NAME:
            continue
        name = _name(server.name, tool.name)
        told = f"The MCP server {server.name} describes it so: {clean(tool.description)[:_DESCRIPTION] or '(no words)'}"
        found.setdefault(name, FrozenTool(name, told, schema, server.server_id, tool.name, server.trusted))
    return list(found.values())


def unavailable(server: McpServer, problem: str) -> FrozenTool:
    """Stands for a server that cannot be used, so that the model can read why."""
    told = f"The MCP server {server.name} cannot be used in this run: {clean(problem)[:_DESCRIPTION]}"
    schema = {"type": "object", "properties": {}}
    return FrozenTool(f"{server.name}{BETWEEN}{UNAVAILABLE}", told, schema, server.server_id, problem=told)


def not_listed(problem: str) -> FrozenTool:
    """Stands for all servers, if none could be asked."""
    told = f"The MCP servers cannot be used in this run: {clean(problem)[:_DESCRIPTION]}"
    return FrozenTool(f"mcp{BETWEEN}{UNAVAILABLE}", told, {"type": "object", "properties": {}}, "", problem=told)


def clean(text: str) -> str:
    """The text without what nobody sees; lines stay."""
    kept = (
        each if each == "\n" or unicodedata.category(each) not in _UNSEEN else " " for each in text[: 4 * _DESCRIPTION]
    )
    return "".join(kept).strip()


def _name(server: str, tool: str) -> str:
    name = f"{server}{BETWEEN}{_STRANGE.sub('_', tool)}"
    if len(name) <= _MOST_NAME and not _STRANGE.search(tool):
        return name
    digest = hashlib.sha256(tool.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{name[: _MOST_NAME - 9]}_{digest}"


def _schema(schema: Any, limits: Limits) -> dict[str, Any] | None:
    """The schema, its texts cleaned; ``None`` if it is none of an object, too large, or refers to what is outside of it."""
    if not isinstance(schema, dict) or schema.get("type", "object") != "object" or is_too_deep(schema):
        return None
    try:
        if len(msgspec.json.encode(schema)) > limits.mcp_schema_bytes:
            return None
        cleaned: dict[str, Any] = {"properties": {}, **_cleaned(schema), "type": "object"}
        AnswerSchema(cleaned, replace(limits, ask_schema_bytes=2 * limits.mcp_schema_bytes))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    return cleaned


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(name): _cleaned(each) for name, each in value.items()}
    return [_cleaned(each) for each in value] if isinstance(value, list) else value
