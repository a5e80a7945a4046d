"""What a tool changes in the context object of its run, as JSON: it is recorded with the tool's result, so that a replay, which
does not call the tool, changes the same.

What is a field of a dataclass or of a pydantic model comes back in its type; of other objects, and of dicts, what is JSON does.
Anything else that a context holds, such as a connection, is left alone.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any, Final, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

_MARK: Final = "netra_context"


def snapshot(context: Any) -> dict[str, Any]:
    """The fields of a context that can be recorded."""
    found: dict[str, Any] = {}
    types = _types(context)
    for name, value in _fields(context).items():
        with suppress(PydanticSerializationError, ValueError, RecursionError):
            recorded = json.loads(to_json(value))
            if name in types or recorded == value:
                found[name] = recorded
    return found


def changes(before: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """What the context has now that it had not before."""
    return {name: value for name, value in snapshot(context).items() if name not in before or before[name] != value}


def restore(context: Any, changed: Mapping[str, Any]) -> None:
    """Change the same again."""
    types = _types(context)
    for name, recorded in changed.items():
        value = recorded
        with suppress(ValidationError, AttributeError, TypeError):  # what it cannot hold any more, it does not hold
            if name in types:
                value = TypeAdapter(types[name]).validate_python(recorded, strict=False)
            if isinstance(context, dict):
                context[name] = value
            else:
                setattr(context, name, value)


def with_changes(output: Any, changed: Mapping[str, Any]) -> Any:
    """A tool's output with what it changed, as it is recorded."""
    if changed or (isinstance(output, dict) and _MARK in output):
        return {_MARK: dict(changed), "output": output}
    return output


def output_of(recorded: Any) -> Any:
    """The output alone."""
    return recorded["output"] if isinstance(recorded, dict) and _MARK in recorded else recorded


def changes_of(recorded: Any) -> Mapping[str, Any]:
    """What was changed."""
    changed: Mapping[str, Any] = recorded[_MARK] if isinstance(recorded, dict) and _MARK in recorded else {}
    return changed


def _fields(context: Any) -> Mapping[str, Any]:
    if isinstance(context, dict):
        return {name: value for name, value in context.items() if isinstance(name, str)}
    if dataclasses.is_dataclass(context):
        return {field.name: getattr(context, field.name, None) for field in dataclasses.fields(context)}
    return getattr(context, "__dict__", {})


def _types(context: Any) -> Mapping[str, Any]:
    """The types of the fields that come back in their type."""
    kind: Any = type(context)
    return _types_of(kind)


@cache
def _types_of(kind: Any) -> Mapping[str, Any]:
    if issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    if dataclasses.is_dataclass(kind):
        with suppress(Exception):  # annotations that nothing can read: what is JSON comes back
            return get_type_hints(kind)
    return {}
