"""Schemas of tools that come from outside. Before a model gets one, LangChain replaces each reference by what it refers to: a
small schema can become a huge one, or have LangChain raise."""

from __future__ import annotations

from typing import Any, Final

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

_MOST_PARTS: Final = 1_000
_ANY: Final[dict[str, Any]] = {"type": "object", "properties": {}}


def usable(tool: BaseTool, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, which ``tool`` has; that of any object if LangChain cannot use it."""
    try:
        _Measure(schema).visit(schema, ())
        convert_to_openai_tool(tool)
    except Exception:  # whatever LangChain makes of it
        return _ANY
    return schema


class _Measure:
    """Raises ``ValueError`` for a schema that becomes too large without its references."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._left = _MOST_PARTS

    def visit(self, part: Any, within: tuple[str, ...]) -> None:
        """Count this part and its own parts; ``within`` are the references that led to it."""
        self._left -= 1
        if self._left < 0:
            raise ValueError("the schema is too large")
        if isinstance(part, dict):
            ref = part.get("$ref")
            if ref is not None and ref not in within:
                self.visit(self._target(ref), (*within, ref))
            part = part.values()
        if not isinstance(part, str | int | float | None):
            for each in part:
                self.visit(each, within)

    def _target(self, ref: Any) -> Any:
        """What it refers to."""
        root, *steps = ref.split("/")
        if root != "#" or not steps:
            raise ValueError("the reference is not to a part of the schema")
        found: Any = self._schema
        for step in steps:
            found = found[step]
        return found
