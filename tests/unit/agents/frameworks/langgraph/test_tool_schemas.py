"""Schemas of tools that come from outside, as LangChain can use them."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from netra_backend.app.agents.frameworks.langgraph.tool_schemas import usable

ANY = {"type": "object", "properties": {}}


class Tool(BaseTool):
    name: str = "act"
    description: str = "Acts."

    def _run(self) -> None: ...


def used(schema: dict[str, Any]) -> dict[str, Any]:
    return usable(Tool(args_schema=schema), schema)


def of(place: Any, **definitions: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"place": place}, "$defs": definitions}


def doubling(times: int) -> dict[str, Any]:
    definitions: dict[str, Any] = {str(n): {"anyOf": [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(times)}
    return of({"$ref": "#/$defs/0"}, **definitions, **{str(times): {"type": "string"}})


@pytest.mark.parametrize(
    "schema",
    [
        ANY,
        {"type": "object", "properties": {"n": {"type": "integer", "minimum": 0, "default": 1.5}}, "required": ["n"]},
        of({"$ref": "#/$defs/Place"}, Place={"type": "object", "properties": {"x": {"type": "integer"}}}),
        of({"$ref": "#/$defs/Tree"}, Tree={"type": "object", "properties": {"left": {"$ref": "#/$defs/Tree"}}}),
    ],
)
def test_an_ordinary_schema_stays_as_it_is(schema: dict[str, Any]) -> None:
    assert used(schema) == schema
    assert convert_to_openai_tool(Tool(args_schema=schema))["function"]["name"] == "act"


@pytest.mark.parametrize(
    "schema",
    [
        doubling(30),
        of(
            {"$ref": "#/$defs/0"},
            **{str(n): {"anyOf": [{"$ref": f"#/$defs/{to}"} for to in range(10)]} for n in range(10)},
        ),
        of({"$ref": "#/$defs/0"}, **{str(n): {"$ref": f"#/$defs/{n + 1}"} for n in range(400)}, **{"400": {}}),
        doubling(11),
        of({"$ref": "#/$defs/Nothing"}),
        of({"$ref": "#"}),
        of({"$ref": "#/properties/place/0"}),
        {"type": "object", "properties": {"$ref": {"type": "string"}}},
        {"type": "object", "properties": {"x": {"type": "string"}}, "$ref": 3},
    ],
    ids=[
        "doubling",
        "circles",
        "deep",
        "large",
        "dangling",
        "itself",
        "no part",
        "a property of that name",
        "a number",
    ],
)
def test_one_that_would_grow_or_fail_without_its_references_is_any_object(schema: dict[str, Any]) -> None:
    assert used(schema) == ANY
