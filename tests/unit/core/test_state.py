"""Values that agents keep: which keys there may be, and how a write is judged."""

from __future__ import annotations

import pytest

from netra_backend.app.core.state import StateWrite, check_key, digest_of, encode_value


@pytest.mark.parametrize("key", ["k", "a b", "ключ/\U0001f600", "x" * 256])
def test_a_key_is_printable(key: str) -> None:
    check_key(key)


@pytest.mark.parametrize("key", ["", "x" * 257, "a\nb", "\x00", "\ud800", "\u202e", 7, None])
def test_no_other_key_is_taken(key: str) -> None:
    with pytest.raises(ValueError, match="1 to 256 printable characters"):
        check_key(key)


def test_equal_values_are_the_same_bytes_and_nothing_is_none() -> None:
    assert encode_value({"b": 1, "a": (2,)}) == encode_value({"a": [2], "b": 1}) == b'{"a":[2],"b":1}'
    assert encode_value(None) is None
    assert digest_of(None) == ""
    assert digest_of(b"1") != digest_of(b"2")


@pytest.mark.parametrize(
    ("value", "expected", "stored", "keys", "outcome"),
    [
        (b"1", None, "", 0, "written"),
        (b"1", None, "other", 9, "written"),
        (b"1", "", "", 0, "written"),
        (b"1", "", "other", 0, "conflict"),
        (b"1", "other", "other", 2, "written"),
        (b"1", "other", "", 2, "conflict"),
        (b"1", None, "", 2, "full"),
        (b"1", "other", "", 0, "conflict"),
        (None, None, "", 2, "written"),
        (None, "other", "", 2, "conflict"),
    ],
)
def test_a_write_is_judged_by_what_is_there(
    value: bytes | None, expected: str | None, stored: str, keys: int, outcome: str
) -> None:
    write = StateWrite("user_ada", "", "k", value, expected, 2)
    assert write.judge(stored, keys) == write.outcome == outcome
