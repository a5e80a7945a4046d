"""The error catalogue and the one exception tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.core import errors, validation
from netra_backend.app.core.error_catalogue import CATALOGUE
from netra_backend.app.core.errors import NetraError, Refusal


def descendants(kind: type[NetraError]) -> Iterator[type[NetraError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from descendants(below)


@pytest.mark.parametrize("kind", list(descendants(NetraError)), ids=lambda kind: kind.__name__)
def test_every_class_of_error_names_a_row_of_the_catalogue(kind: type[NetraError]) -> None:
    assert kind.kind in CATALOGUE


@pytest.mark.parametrize(
    ("kind", "built_in"),
    [
        (errors.InvalidContextError, ValueError),
        (errors.FrameRefused, ValueError),
        (errors.FactoryRefused, RuntimeError),
        (errors.ExecutionEngineFactoryError, RuntimeError),
        (errors.FactoryInitializationError, RuntimeError),
        (errors.IsolationRefused, PermissionError),
        (errors.SSotIsolationError, PermissionError),
        (errors.AuthenticationRefused, PermissionError),
        (errors.ToolRefused, PermissionError),
        (errors.QueryRejected, ValueError),
        (errors.NotFound, LookupError),
        (errors.LimitRefused, RuntimeError),
        (errors.ConfigurationError, ValueError),
        (errors.Fault, RuntimeError),
        (errors.ToolError, RuntimeError),
        (errors.ExtensionError, ValueError),
    ],
)
def test_an_error_is_also_the_promised_built_in(kind: type[NetraError], built_in: type[Exception]) -> None:
    assert issubclass(kind, built_in)


def test_a_refusal_carries_its_point_kind_field_hint_and_delay() -> None:
    refusal = Refusal(
        "no", point=validation.ID_FORMAT, kind="rate_limited", field="user_id", hint="wait", retry_after_ms=7
    )
    assert (str(refusal), refusal.message, refusal.point) == ("no", "no", validation.ID_FORMAT)
    assert refusal.entry is CATALOGUE["rate_limited"]
    assert (refusal.field, refusal.hint, refusal.retry_after_ms) == ("user_id", "wait", 7)


def test_an_error_without_a_hint_of_its_own_has_the_catalogues() -> None:
    assert NetraError("oops").hint == CATALOGUE["internal"].hint
    assert errors.DependencyUnavailable("gone").entry is CATALOGUE["dependency_unavailable"]


def test_a_configuration_error_lists_all_faults_at_once() -> None:
    error = errors.ConfigurationError(["A is wrong", "B is wrong"], point=validation.ID_FORMAT)
    assert error.faults == ["A is wrong", "B is wrong"]
    assert str(error) == "A is wrong\nB is wrong"


HOUSE_CODES = {
    "ADDRESS_NOT_ALLOWED",
    "AGENT_DEPTH",
    "AGENT_FAILED",
    "MCP_ERROR",
    "MCP_NOT_AUTHORIZED",
    "MCP_TOOL_FAILED",
    "MCP_UNREACHABLE",
    "STEP_FAILED",
    "STEP_TIMEOUT",
    "RESULT_NOT_JSON",
    "NO_RESULT",
    "STATE_FULL",
    "STATE_NOT_JSON",
    "STATE_TOO_LARGE",
    "NO_DATA",
    "UNSUPPORTED_FORMAT",
    "BAD_ROWS",
    "UNPRICED_MODEL",
    "NOT_ASSESSABLE",
    "INSUFFICIENT_HISTORY",
    "QUERY_REJECTED",
    "QUERY_TIMEOUT",
    "RESULT_TOO_LARGE",
    "AMBIGUOUS_MODEL",
    "UNKNOWN_TOOL",
    "TOOL_NOT_ALLOWED",
    "INVALID_ARGUMENTS",
    "INVALID_SCHEMA",
    "APPROVAL_DENIED",
    "ARGUMENTS_NOT_SHOWN",
    "TOOL_TIMEOUT",
    "TOOL_FAILED",
    "OUTCOME_UNKNOWN",
    "QUESTION_EXPIRED",
    "DEPENDENCY_UNAVAILABLE",
}
"""All codes that Netra's own tools and dispatchers answer with: programs know them."""


def codes_in(source: str) -> Iterator[str]:
    """The codes that a module answers tool calls with: first arguments, ``code=`` and ``"code":``."""
    for node in ast.walk(ast.parse(source)):
        told: list[ast.expr | None] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            told = [each.value for each in node.keywords if each.arg == "code"]
            if node.func.id in ("ToolError", "_failed"):
                told += node.args[:1]
        if isinstance(node, ast.Dict):
            named = zip(node.keys, node.values, strict=True)
            told = [value for key, value in named if isinstance(key, ast.Constant) and key.value == "code"]
        if isinstance(node, ast.ClassDef):
            told = [
                each.value
                for each in node.body
                if isinstance(each, ast.Assign)
                and isinstance(each.targets[0], ast.Name)
                and each.targets[0].id == "code"
            ]
        yield from (each.value for each in told if isinstance(each, ast.Constant) and isinstance(each.value, str))


def test_the_codes_of_the_house_are_these_and_no_others() -> None:
    sources = Path(errors.__file__).parents[1].rglob("*.py")
    assert {code for path in sources for code in codes_in(path.read_text()) if code.isupper()} == HOUSE_CODES


@pytest.mark.parametrize("code", ["NO_DATA", "A", "MAILBOX_FULL_2", "X" * 40])
def test_a_tools_answer_has_a_code_of_its_authors(code: str) -> None:
    assert errors.ToolError(code, "m", hint="h", details={"a": 1}).code == code
    assert errors.ToolRefused("m", code=code, point=validation.ID_FORMAT, field="tool").code == code


@pytest.mark.parametrize("code", ["", "no_data", "NO-DATA", "2_MANY", "_X", "X" * 41, "NO_DATA\n", None, 7])
def test_what_is_no_code_is_refused_at_once_in_words_that_show_one(code: Any) -> None:
    with pytest.raises(ValueError, match=r"is not a tool error code: use 1 to 40 capital letters.*such as NO_DATA"):
        errors.ToolError(code, "m", hint="h")
    with pytest.raises(ValueError, match="is not a tool error code"):
        errors.ToolRefused("m", code=code, point=validation.ID_FORMAT)


def test_a_tools_answer_keeps_its_message_hint_and_details_and_always_says_what_to_do() -> None:
    full = errors.ToolError("NO_DATA", "You have no notes.", "Write one first.", details={"a": 1})
    assert (full.message, full.hint, full.details) == ("You have no notes.", "Write one first.", {"a": 1})
    bare = errors.ToolError("NO_DATA", "You have no notes.")
    assert (bare.hint, bare.details) == ("Ask for something else, or tell the author of the tool.", {})


def test_an_extension_error_lists_all_faults() -> None:
    assert str(errors.ExtensionError(["a is none", "b is none"])) == "a is none\nb is none"
