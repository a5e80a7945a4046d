"""Tools that act elsewhere than in Netra: at the model's provider, which is said, or on this machine past the journal, which is
refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agents import (
    CodeInterpreterTool,
    FileSearchTool,
    FunctionTool,
    HostedMCPTool,
    ImageGenerationTool,
    ModelResponse,
    ShellTool,
    ToolSearchTool,
    WebSearchTool,
)

from ....core.errors import ExtensionError

_HOSTED: Final = (
    CodeInterpreterTool,
    FileSearchTool,
    HostedMCPTool,
    ImageGenerationTool,
    ToolSearchTool,
    WebSearchTool,
)
_CALLS: Final = {
    "code_interpreter_call": "ran code",
    "file_search_call": "searched files",
    "image_generation_call": "made an image",
    "mcp_call": "used a tool of an MCP server",
    "shell_call": "ran a command",
    "web_search_call": "searched the web",
}


_PAST: Final = "The agent {!r} has the tool {!r}, which acts on this machine, unrecorded: make it a function tool."
_WAITS: Final = (
    "The agent {!r} has a hosted MCP server whose calls wait for an approval at the provider: set its require_approval to "
    "'never', or reach the server by mcp_servers, where Netra asks its user."
)


def check(agent: str, tool: Any) -> None:
    """Raises ``ExtensionError`` for a tool that would act on this machine without being recorded, and for one that waits for
    an approval at the provider, which nobody here can give."""
    if isinstance(tool, HostedMCPTool):
        if tool.tool_config.get("require_approval", "always") != "never":
            raise ExtensionError([_WAITS.format(agent)])
    elif isinstance(tool, ShellTool):
        environment: Mapping[str, Any] = tool.environment or {}
        if environment.get("type", "local") == "local":
            raise ExtensionError([_PAST.format(agent, tool.name)])
    elif not isinstance(tool, (FunctionTool, *_HOSTED)):
        raise ExtensionError([_PAST.format(agent, getattr(tool, "name", type(tool).__name__))])


def told(response: ModelResponse) -> str | None:
    """What the provider itself did for this response, for the user; ``None`` if it did nothing."""
    done = dict.fromkeys(_CALLS[kind] for item in response.output if (kind := _kind(item)) in _CALLS)
    return (
        f"The language model's provider {', '.join(done)}. Netra sees what came of it, and no more." if done else None
    )


def _kind(item: Any) -> str:
    return str(item.get("type") if isinstance(item, dict) else getattr(item, "type", ""))
