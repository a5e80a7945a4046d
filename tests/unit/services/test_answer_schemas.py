"""What an answer must be like: its schema is one, looks nothing up, and no answer keeps the server busy."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.core.errors import FrameRefused
from netra_backend.app.core.hidden_values import HiddenValues
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.questions import MOST_DEPTH
from netra_backend.app.services import hiding
from netra_backend.app.services.answer_schemas import AnswerSchema, UnusableSchema, check_size


def nested(depth: int, make: Callable[[Any], Any], value: Any) -> Any:
    for _ in range(depth):
        value = make(value)
    return value


LIMITS = Limits(ask_schema_bytes=4_096, ask_answer_bytes=1_024)
COLOUR = {"type": "object", "properties": {"colour": {"enum": ["red", "blue"]}}, "required": ["colour"]}
NO_SCHEMAS: dict[str, Any] = {
    "no object": "string",
    "no JSON": {"const": object()},
    "no JSON, deeply": nested(3_000, lambda value: {"not": value}, {}),
    "an unknown type": {"type": "colour"},
    "a negative length": {"minLength": -1},
    "another document": {"$ref": "http://127.0.0.1:9/schema.json"},
    "a file": {"$ref": "file:///etc/passwd"},
    "nothing": {"$ref": "#/$defs/nothing"},
    "a broken pattern": {"pattern": "("},
    "a pattern that looks back": {"pattern": r"(a)\1"},
    "a pattern of gigabytes": {"pattern": "((a{1000}){1000}){1000}"},
    "a pattern of megabytes": {"pattern": "^(?:[ab]*a[ab]{2000})+c$"},
    "too many patterns": {"allOf": [{"pattern": f"^{number}"} for number in range(33)]},
    "too many names by pattern": {"patternProperties": {f"^{number}": {} for number in range(33)}},
    "patterns that are referred to too often": {
        "$defs": {"word": {"pattern": "^a"}},
        "allOf": [{"$ref": "#/$defs/word"} for _ in range(32)],
    },
    "too large": {"description": "x" * 4_096},
    "too deep": nested(MOST_DEPTH, lambda value: {"not": value}, {}),
}


@pytest.mark.parametrize("schema", NO_SCHEMAS.values(), ids=NO_SCHEMAS)
def test_what_is_no_schema_is_told_to_the_agent(schema: Any) -> None:
    with pytest.raises(ValueError, match="schema"):
        AnswerSchema(schema, LIMITS)


@pytest.mark.parametrize(
    "schema",
    [
        {"default": 10**5_000},
        {"properties": {"n": {"enum": [1, 10**5_000]}}},
        {"examples": [{10**5_000: 1}]},
        {10**5_000: {}},
    ],
    ids=["default", "enum", "a name within", "a name"],
)
def test_a_schema_with_a_number_of_too_many_digits_says_so(schema: Any) -> None:
    with pytest.raises(UnusableSchema, match="The schema holds a number of more digits than can be written") as refused:
        AnswerSchema(schema, LIMITS)
    assert refused.value.code == "INVALID_SCHEMA"


def test_what_a_schema_refers_to_outside_of_itself_is_never_read(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"type": "integer"}')
    with pytest.raises(ValueError, match="no JSON Schema"):
        AnswerSchema({"$ref": other.as_uri()}, LIMITS)


@pytest.mark.validation_point("answer.schema")
@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        (COLOUR, {"colour": "green"}),
        (COLOUR, None),
        (None, "x" * 1_024),
        (None, 10**5_000),
        (None, nested(MOST_DEPTH + 1, lambda value: [value], 1)),
        ({"type": "object"}, nested(400, lambda value: {"a": value}, 1)),
    ],
    ids=["another colour", "null", "too large", "too long a number", "too deep", "far too deep"],
)
def test_an_answer_that_does_not_fit_is_refused_in_few_words(schema: Any, answer: Any) -> None:
    refused = None
    try:
        AnswerSchema(schema, LIMITS).judge(answer)
    except FrameRefused as refusal:
        refused = refusal
    assert refused is not None
    assert (refused.entry.id, refused.field, refused.entry.retryable) == ("invalid_answer", "answer", False)
    assert len(refused.message) <= 200


def test_an_answer_that_fits_is_given_as_its_exact_bytes() -> None:
    assert AnswerSchema(COLOUR, LIMITS).judge({"colour": "red", "why": 1.50}) == b'{"colour":"red","why":1.5}'
    answers: list[Any] = [None, 0, "", [], {"a": [10**40]}]
    for answer in answers:
        AnswerSchema(None, LIMITS).judge(answer)


def test_an_answer_is_no_larger_than_what_can_be_stored_beside_its_event() -> None:
    limits = Limits(ask_answer_bytes=2_048, blob_bytes=1_024)
    AnswerSchema(None, limits).judge("x" * 1_022)
    with pytest.raises(FrameRefused, match="limit is 1,024"):
        AnswerSchema(None, limits).judge("x" * 1_023)


def test_the_refusal_says_where() -> None:
    with pytest.raises(FrameRefused, match=r"/colour: .green. is not one of"):
        AnswerSchema(COLOUR, LIMITS).judge({"colour": "green"})


EXPRESSION: dict[str, Any] = {
    "$defs": {
        "e": {
            "anyOf": [
                {"type": "integer"},
                {"type": "array", "items": {"$ref": "#/$defs/e"}},
                {"type": "array", "items": {"$ref": "#/$defs/e"}, "minItems": 1},
            ]
        }
    },
    "$ref": "#/$defs/e",
}


def test_a_wrong_answer_to_alternatives_that_contain_themselves_is_refused_without_trying_each_way_again() -> None:
    wrong = nested(MOST_DEPTH - 1, lambda value: [value], "a")  # in as many ways as 2 has in its 63rd power
    with pytest.raises(FrameRefused, match=r"^The answer does not fit the schema\.$"):
        AnswerSchema(EXPRESSION, LIMITS).judge(wrong)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"not": {}}}},
        {"type": "array", "items": {"anyOf": [{"type": "string"}]}},
        {"type": "array", "prefixItems": [{"allOf": [{"type": "string"}]}]},
        {"type": "object", "additionalProperties": {"if": {}, "then": False}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"oneOf": [{"type": "string"}]}]},
    ],
)
def test_the_refusal_says_no_more_where_one_value_is_held_against_several_schemas(schema: Any) -> None:
    with pytest.raises(FrameRefused, match=r"^The answer does not fit the schema\.$"):
        AnswerSchema(schema, LIMITS).judge({"a": 1} if schema.get("type") == "object" else [1])


def test_the_refusal_names_the_first_of_many_faults() -> None:
    limits = Limits()
    schema = {"type": "array", "items": {"type": "string"}, "prefixItems": [True]}
    with pytest.raises(FrameRefused, match=r"^The answer does not fit: /1: 1 is not of type .string.$"):
        AnswerSchema(schema, limits).judge([1] * 8_000)
    with pytest.raises(FrameRefused, match="False schema does not allow 1"):
        AnswerSchema({"properties": {"a": False}}, limits).judge({"a": 1})


def test_an_answer_too_large_for_any_question_is_refused_before_it_is_known_which_it_is_for() -> None:
    check_size(["x" * 1_000], LIMITS)
    for answer in ["x" * 1_024, nested(10_000, lambda value: [value], 1), 10**5_000]:
        with pytest.raises(FrameRefused) as refused:
            check_size(answer, LIMITS)
        assert (refused.value.entry.id, refused.value.field) == ("invalid_answer", "answer")


@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        ({"type": "string", "pattern": "^(a+)+$"}, "a" * 60_000 + "b"),
        ({"type": "string", "pattern": "^(a|aa)+$"}, "a" * 60_000 + "b"),
        ({"type": "object", "patternProperties": {"^(a|a)*$": False}}, {"a" * 60_000 + "b": 1}),
        ({"type": "array", "uniqueItems": True}, [{"a": number} for number in range(5_000)]),
        ({"$ref": "#"}, 1),
        ({"allOf": [{"$ref": "#"}, {"type": "integer"}]}, 1),
        ({"type": "array", "items": {"$ref": "#"}}, nested(MOST_DEPTH - 1, lambda value: [value], [])),
    ],
    ids=["pattern", "alternatives", "names", "unique", "itself", "itself and more", "a tree"],
)
def test_an_answer_that_would_keep_a_backtracking_matcher_busy_for_ever_is_judged_at_once(
    schema: Any, answer: Any
) -> None:
    limits = Limits(ask_answer_bytes=65_536)
    judged = []
    try:
        judged.append(AnswerSchema(schema, limits).judge(answer))
    except FrameRefused as refusal:
        judged.append(refusal.message.encode())
    assert len(judged) == 1


def test_what_is_wrong_with_a_schema_is_told_without_what_the_run_hides_whole_or_cut() -> None:
    values = HiddenValues()
    values.add("hunter2-hunter2")

    def run() -> None:
        hiding.enter(values)
        for before in range(150, 210):
            with pytest.raises(ValueError, match="The schema") as told:
                AnswerSchema({"$ref": f"https://{'x' * before}hunter2-hunter2"}, Limits())
            assert "hunter" not in str(told.value)

    contextvars.copy_context().run(run)
