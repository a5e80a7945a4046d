"""What a call of an MCP tool returned, as plain JSON for an agent."""

from __future__ import annotations

from typing import Any

import msgspec
from mcp_types import AudioContent, CallToolResult, EmbeddedResource, ImageContent, ResourceLink, TextContent

from ...core.errors import ToolError


def plain_result(result: CallToolResult, most_bytes: int) -> Any:
    """The text, or the structured value if the text says the same; if it is more than that ``{"text", "structured", "other"}``,
    without those that are empty. ``other`` says what there was that is no text, without its content.

    Raises ``ToolError`` if the tool failed, or returned more than ``most_bytes``.
    """
    text = "\n".join(each.text for each in result.content if isinstance(each, TextContent))
    if result.is_error:
        raise ToolError(
            "MCP_TOOL_FAILED",
            f"The server says: {text[:2_000]}" if text else "The server says that the tool failed.",
            hint="Change the arguments, or do without this tool.",
        )
    other = [_described(each) for each in result.content if not isinstance(each, TextContent)]
    structured: Any = result.structured_content
    if structured == {"result": text}:  # how servers wrap what is only a text
        structured = None
    elif structured is not None and _is_same(text, structured):
        text = ""
    found = {"text": text, "structured": structured, "other": other}
    told = {name: value for name, value in found.items() if value not in ("", None, [])}
    plain: Any = next(iter(told.values()), "") if told.keys() <= {"text"} or told.keys() == {"structured"} else told
    try:
        size = len(msgspec.json.encode(plain))
    except (UnicodeEncodeError, ValueError, TypeError, OverflowError, RecursionError) as fault:
        raise ToolError("RESULT_NOT_JSON", f"The result cannot be kept ({type(fault).__name__}).") from fault
    if size > most_bytes:
        raise ToolError(
            "RESULT_TOO_LARGE",
            f"The result has {size:,} bytes; the limit is {most_bytes:,}.",
            hint="The tool has run. Ask for less at once.",
        )
    return plain


def _is_same(text: str, structured: Any) -> bool:
    """Whether the text is the value as JSON, which servers add for those who do not know structured values."""
    try:
        return bool(msgspec.json.decode(text) == structured)
    except (ValueError, RecursionError):
        return False


def _described(content: Any) -> dict[str, Any]:
    match content:
        case ImageContent() | AudioContent():
            return {"type": content.type, "media": content.mime_type[:100], "base64_characters": len(content.data)}
        case ResourceLink():
            return {"type": "resource_link", "uri": content.uri[:2_000], "name": content.name[:200]}
        case EmbeddedResource():
            held = content.resource
            told = {"type": "resource", "uri": held.uri[:2_000]}
            text = getattr(held, "text", None)
            return told if text is None else {**told, "text": text}
        case _:
            return {"type": str(getattr(content, "type", ""))[:40]}
