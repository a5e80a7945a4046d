"""What an answer must be like: a JSON Schema that its agent gives, held against what its user says.

Regular expressions take time in proportion to the text (they have no look-around and no back-references) and are few and
small, what a schema refers to outside of itself is never fetched, and sizes are limited before anything is judged. Why an answer
does not fit is told only where that takes no longer than to judge it: for a schema of alternatives, all of them are tried, and
in one that contains itself that is twice as much with each level. So an answer cannot keep the server busy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..core import question_points
from ..core.errors import FrameRefused, ToolError
from ..core.limits import Limits
from ..core.questions import MOST_DEPTH, is_too_deep
from .hiding import hidden_text
from .redaction import is_too_long

if TYPE_CHECKING:
    import jsonschema_rs

_MOST_TOLD: Final = 200
_PATTERN_BYTES: Final = 65_536
_MOST_PATTERNS: Final = 32
"""Of a schema, each counted once more for each ``$ref`` that may lead to it."""

_REFERENCES: Final = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
_TOLD: Final = frozenset(
    {
        "$comment", "$id", "$schema", "additionalProperties", "const", "default", "deprecated", "description", "enum", "examples",
        "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maxItems", "maxLength", "maxProperties", "maximum",
        "minItems", "minLength", "minProperties", "minimum", "multipleOf", "pattern", "prefixItems", "properties", "readOnly",
        "required", "title", "type", "uniqueItems", "writeOnly",
    }
)  # fmt: skip
"""What a schema may say so that each value is held against one schema only."""


class UnusableSchema(ToolError, ValueError):
    """What an agent gave is no JSON Schema, or over its limits."""

    code = "INVALID_SCHEMA"

    def __init__(self, message: str) -> None:
        super().__init__(self.code, message, hint="Tell the author of the agent.")


class AnswerSchema:
    """A schema that was checked; ``None`` takes any JSON. ``schema`` is as its event has it."""

    __slots__ = ("_is_told", "_most_bytes", "_validator", "schema")

    def __init__(self, schema: Mapping[str, Any] | None, limits: Limits) -> None:
        """Raises ``UnusableSchema`` if it is no JSON Schema, refers to something outside of itself, or is over its limits."""
        self._most_bytes = most_bytes(limits)
        self._is_told = False
        self.schema: dict[str, Any] | None = None
        self._validator: jsonschema_rs.Validator | None = None
        if schema is None:
            return
        try:
            self.schema = _as_json(schema, limits)
            self._validator = _compiled(self.schema)
        except ValueError as fault:
            raise UnusableSchema(str(fault)) from None
        self._is_told = _is_plain(self.schema)

    def judge(self, answer: Any, hide: Callable[[str], str] = str) -> bytes:
        """The exact JSON of an answer that fits. Raises ``FrameRefused`` (``invalid_answer``), in words that went through
        ``hide``."""
        raw, problem = _read(answer, self._most_bytes)
        _check(problem)
        if self._validator is not None and not self._validator.is_valid(answer):
            told = hide(self._why_not(self._validator, answer))
            _check(told if len(told) <= _MOST_TOLD else f"{told[: _MOST_TOLD - 1]}…")
        return raw

    def _why_not(self, validator: jsonschema_rs.Validator, answer: Any) -> str:
        if not self._is_told:
            return "The answer does not fit the schema."
        where, why = "", ""
        try:
            validator.validate(answer)  # the first fault: to list them takes time for each
        except _fault() as fault:
            where, why = "".join(f"/{part}" for part in fault.instance_path), fault.message
        return f"The answer does not fit: {where + ': ' if where else ''}{why}"


def most_bytes(limits: Limits) -> int:
    """What an answer may have as JSON: it may have to be stored as a blob."""
    return min(limits.ask_answer_bytes, limits.blob_bytes)


def check_size(answer: Any, limits: Limits) -> None:
    """Raises ``FrameRefused`` (``invalid_answer``) if it is too large for any question."""
    _check(_read(answer, most_bytes(limits))[1])


def _check(problem: str) -> None:
    if problem:
        raise FrameRefused(problem, kind="invalid_answer", field="answer", point=question_points.ANSWER_SCHEMA)


def _read(answer: Any, most: int) -> tuple[bytes, str]:
    """Its JSON, and what is wrong with it: its size is asked first, for what follows goes through all of it."""
    try:
        raw = msgspec.json.encode(answer)
    except RecursionError:
        return b"", f"The answer is more than {MOST_DEPTH} levels deep."
    except ValueError:
        return b"", "A whole number has more digits than can be written."
    if len(raw) > most:
        return raw, f"The answer has {len(raw):,} bytes; the limit is {most:,}."
    if is_too_deep(answer):
        return b"", f"The answer is more than {MOST_DEPTH} levels deep."
    return raw, "A whole number has more digits than can be written." if is_too_long(answer) else ""


def _as_json(schema: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """The schema as its event has it. Raises ``ValueError`` if it is not JSON, or over its limits."""
    if not isinstance(schema, Mapping):
        raise ValueError(f"A schema is a dict (JSON Schema), not {type(schema).__name__}.")
    try:
        raw = msgspec.json.encode(dict(schema))
    except (TypeError, ValueError, OverflowError, RecursionError) as fault:
        if isinstance(fault, ValueError) and is_too_long(schema):
            raise ValueError("The schema holds a number of more digits than can be written.") from None
        raise ValueError(f"The schema is not JSON: {fault}") from None
    if len(raw) > limits.ask_schema_bytes:
        raise ValueError(f"The schema has {len(raw):,} bytes; the limit is {limits.ask_schema_bytes:,}.")
    as_json: dict[str, Any] = msgspec.json.decode(raw)
    if is_too_deep(as_json):
        raise ValueError(f"The schema is more than {MOST_DEPTH} levels deep.")
    return as_json


def _fault() -> type[jsonschema_rs.ValidationError]:
    import jsonschema_rs  # it is there: it has judged

    return jsonschema_rs.ValidationError


def _is_plain(schema: Any) -> bool:
    """Whether each value is held against one schema only."""
    if isinstance(schema, bool):
        return True
    if not isinstance(schema, dict) or not schema.keys() <= _TOLD:
        return False
    items = schema.get("items", True)
    below = [*schema.get("properties", {}).values(), *schema.get("prefixItems", [])]
    below += [schema.get("additionalProperties", True), *(items if isinstance(items, list) else [items])]
    return all(map(_is_plain, below))


def _check_patterns(schema: dict[str, Any]) -> None:
    """Raises ``ValueError`` if there are more than an answer can be held against in a short time."""
    patterns, references, level = 0, 0, [schema]
    while level:
        node: Any = level.pop()
        if isinstance(node, dict):
            named = node.get("patternProperties")
            patterns += ("pattern" in node) + (len(named) if isinstance(named, dict) else 0)
            references += len(_REFERENCES & node.keys())
            level += node.values()
        elif isinstance(node, list):
            level += node
    if patterns * (1 + references) > _MOST_PATTERNS:
        raise ValueError(
            f"The schema has {patterns} patterns and refers {references} times; it may have {_MOST_PATTERNS // (1 + references)}."
        )


def _compiled(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    import jsonschema_rs  # with the first question that has a schema

    _check_patterns(schema)
    patterns = jsonschema_rs.RegexOptions(size_limit=_PATTERN_BYTES, dfa_size_limit=_PATTERN_BYTES)
    try:
        return jsonschema_rs.validator_for(schema, pattern_options=patterns, retriever=_not_fetched)
    except jsonschema_rs.ValidationError as fault:
        told = fault.message
    except (ValueError, jsonschema_rs.ReferencingError) as fault:
        told = str(fault)
    raise ValueError(f"The schema is no JSON Schema: {hidden_text(told)[:_MOST_TOLD]}")


def _not_fetched(address: str) -> Any:
    raise ValueError(f"{hidden_text(address)[:_MOST_TOLD]} is outside of the schema, and nothing is fetched")
