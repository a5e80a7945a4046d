"""What an answer must be like: a JSON Schema that its agent gives, held against what its user says.

Regular expressions take time in proportion to the text (they have no look-around and no back-references), what a schema refers to
outside of itself is never fetched, and sizes are limited before anything is judged: so an answer cannot keep the server busy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..core import question_points
from ..core.errors import FrameRefused
from ..core.limits import Limits
from ..core.questions import MOST_DEPTH, is_too_deep
from .redaction import is_too_long

if TYPE_CHECKING:
    import jsonschema_rs

_MOST_TOLD: Final = 200
_PATTERN_BYTES: Final = 1_048_576


class AnswerSchema:
    """A schema that was checked; ``None`` takes any JSON. ``schema`` is as its event has it."""

    __slots__ = ("_most_bytes", "_validator", "schema")

    def __init__(self, schema: Mapping[str, Any] | None, limits: Limits) -> None:
        """Raises ``ValueError`` if it is no JSON Schema, refers to something outside of itself, or is over its limits."""
        self._most_bytes = min(limits.ask_answer_bytes, limits.blob_bytes)  # it may have to be stored as one
        self.schema: dict[str, Any] | None = None
        self._validator: jsonschema_rs.Validator | None = None
        if schema is None:
            return
        if not isinstance(schema, Mapping):
            raise ValueError(f"A schema is a dict (JSON Schema), not {type(schema).__name__}.")
        try:
            raw = msgspec.json.encode(dict(schema))
        except (TypeError, ValueError, OverflowError, RecursionError) as fault:
            raise ValueError(f"The schema is not JSON: {fault}") from None
        if len(raw) > limits.ask_schema_bytes:
            raise ValueError(f"The schema has {len(raw):,} bytes; the limit is {limits.ask_schema_bytes:,}.")
        self.schema = msgspec.json.decode(raw)
        if is_too_deep(self.schema):
            raise ValueError(f"The schema is more than {MOST_DEPTH} levels deep.")
        self._validator = _compiled(self.schema)

    def judge(self, answer: Any, hide: Callable[[str], str] = str) -> bytes:
        """The exact JSON of an answer that fits. Raises ``FrameRefused`` (``invalid_answer``), in words that went through
        ``hide``."""
        raw, problem = self._read(answer, hide)
        if problem:
            raise FrameRefused(
                problem,
                kind="invalid_answer",
                field="answer",
                point=question_points.ANSWER_SCHEMA,
            )
        return raw

    def _read(self, answer: Any, hide: Callable[[str], str]) -> tuple[bytes, str]:
        if is_too_deep(answer):  # first: what follows goes down into it
            return b"", f"The answer is more than {MOST_DEPTH} levels deep."
        if is_too_long(answer):
            return b"", "A whole number has more digits than can be written."
        raw = msgspec.json.encode(answer)
        if len(raw) > self._most_bytes:
            return raw, f"The answer has {len(raw):,} bytes; the limit is {self._most_bytes:,}."
        if self._validator is None or self._validator.is_valid(answer):
            return raw, ""
        fault = next(iter(self._validator.iter_errors(answer)))
        where = "".join(f"/{part}" for part in fault.instance_path)
        told = hide(f"The answer does not fit: {where + ': ' if where else ''}{fault.message}")
        return raw, told if len(told) <= _MOST_TOLD else f"{told[: _MOST_TOLD - 1]}…"


def _compiled(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    import jsonschema_rs  # with the first question that has a schema

    patterns = jsonschema_rs.RegexOptions(size_limit=_PATTERN_BYTES, dfa_size_limit=_PATTERN_BYTES)
    try:
        return jsonschema_rs.validator_for(schema, pattern_options=patterns, retriever=_not_fetched)
    except jsonschema_rs.ValidationError as fault:
        told = fault.message
    except (ValueError, jsonschema_rs.ReferencingError) as fault:
        told = str(fault)
    raise ValueError(f"The schema is no JSON Schema: {told[:_MOST_TOLD]}")


def _not_fetched(address: str) -> Any:
    raise ValueError(f"{address[:_MOST_TOLD]} is outside of the schema, and nothing is fetched")
