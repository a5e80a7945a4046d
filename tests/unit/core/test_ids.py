"""Ids: what may be one, what is refused and in which words, and how they are made."""

from __future__ import annotations

import itertools
import random
import re
import uuid

import pytest

from netra_backend.app.core import ids, validation
from netra_backend.app.core.errors import InvalidContextError
from netra_backend.app.core.ids import MAX_LENGTH, PLACEHOLDER_WORDS, check_id, is_valid_id, mint

VALID = [
    "user_123",
    "thread_456",
    "run_789",
    "req_101112",
    "conn_789",
    "ws_456",
    "shared_thread_123",
    "a",
    "7",
    "tester",
    "nanny",
    "temperature",
    "templates_1",
    "defaulted",
    "A.b-c:d_e",
    "x" * MAX_LENGTH,
    str(uuid.UUID(int=2**127 + 1)),
]
MALFORMED = [
    "user@invalid",
    "user@invalid#format",
    "has space",
    "tab\there",
    "line\nbreak",
    "trailing\n",
    "nul\0",
    "_leading",
    "-leading",
    ".leading",
    ":leading",
    "usеr_123",  # a Cyrillic е
    "user／1",
    "ⅷ",
    "٣",
    "\u202euser",
    "x" * (MAX_LENGTH + 1),
    "user/../other",
    "'; drop table users",
]
NO_STRINGS = ["", None, 7, 7.0, True, b"user_123", ["user_123"], {"id": 1}]
TEMPLATES = ["{user_id}", "x{user_id}", "$USER", "${USER}", "$(id)", "<user>", "user-<id>", "%s", "%(user)s", "a%d"]
NIL_UUIDS = ["00000000-0000-0000-0000-000000000000", "0" * 32]


@pytest.mark.validation_point("id.format", "id.placeholder")
@pytest.mark.parametrize("value", VALID)
def test_an_id_of_the_one_format_is_taken(value: str) -> None:
    assert is_valid_id(value)
    check_id("user_id", value)


@pytest.mark.validation_point("id.format")
@pytest.mark.parametrize("value", MALFORMED)
def test_a_malformed_id_is_refused_with_field_and_rule(value: str) -> None:
    assert not is_valid_id(value)
    with pytest.raises(InvalidContextError, match=r"run_id=.* (must be of the form|characters; the limit)") as refused:
        check_id("run_id", value)
    assert refused.value.point is validation.ID_FORMAT
    assert refused.value.field == "run_id"


@pytest.mark.validation_point("id.format")
@pytest.mark.parametrize("value", NO_STRINGS)
def test_what_is_no_string_or_an_empty_one_is_refused(value: object) -> None:
    assert not is_valid_id(value)
    with pytest.raises(InvalidContextError, match=r"thread_id=.* must be a non-empty str"):
        check_id("thread_id", value)


@pytest.mark.validation_point("id.placeholder")
@pytest.mark.parametrize("shape", ["{}_1", "{}-x", "{}.x", "{}:x", "{}"])
def test_a_placeholder_is_refused_in_any_case_and_with_any_separator(shape: str) -> None:
    for case, word in itertools.product((str.lower, str.upper, str.title), PLACEHOLDER_WORDS):
        value = case(shape.format(word))
        assert not is_valid_id(value), value
        with pytest.raises(InvalidContextError, match=f"Forbidden placeholder values: user_id={value!r}") as refused:
            check_id("user_id", value)
        assert refused.value.point is validation.ID_PLACEHOLDER
        assert refused.value.field == "user_id"


@pytest.mark.validation_point("id.placeholder")
@pytest.mark.parametrize("value", TEMPLATES + NIL_UUIDS)
def test_an_unrendered_template_and_the_nil_uuid_are_placeholders(value: str) -> None:
    assert not is_valid_id(value)
    with pytest.raises(InvalidContextError, match="Forbidden placeholder values"):
        check_id("user_id", value)


@pytest.mark.validation_point("id.format")
def test_a_string_of_another_type_is_no_id() -> None:
    class Sneaky(str):
        pass

    assert not is_valid_id(Sneaky("user_123"))
    with pytest.raises(InvalidContextError):
        check_id("user_id", Sneaky("user_123"))


def test_a_refusal_shows_at_most_a_little_of_a_huge_value() -> None:
    with pytest.raises(InvalidContextError) as refused:
        check_id("user_id", "x" * 100_000)
    assert len(str(refused.value)) < 300


def test_random_text_is_an_id_only_if_the_documented_rule_says_so(rng: random.Random) -> None:
    rule = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", re.ASCII)
    words = re.compile(rf"(?:{'|'.join(PLACEHOLDER_WORDS)})(?:[_.:-]|\Z)", re.IGNORECASE)
    for _ in range(3000):
        parts = [rng.choice([*PLACEHOLDER_WORDS, "user", "_", "-", ".", ":", "7", "é", " ", "A"]) for _ in range(4)]
        text = "".join(parts)
        assert is_valid_id(text) is (rule.fullmatch(text) is not None and words.match(text) is None), text


def test_a_minted_id_is_valid_and_sorts_by_time(rng: random.Random) -> None:
    times = sorted(rng.randrange(2**47) for _ in range(50))
    made = [mint("run", now_ms, rng.randbytes(10)) for now_ms in times]
    assert all(map(is_valid_id, made))
    assert made == sorted(made)
    assert mint("thr", 5, b"\x01\x02") == "thr_0000000000050102"


def test_valid_ids_are_remembered_in_bounded_memory() -> None:
    for number in range(2 * ids._MAX_FOUND + 1):
        assert is_valid_id(f"user_{number}")
        assert len(ids.FOUND_VALID) <= ids._MAX_FOUND
    assert not is_valid_id("temp_1")
