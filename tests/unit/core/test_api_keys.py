"""How API keys are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.core.api_keys import (
    ID_BYTES,
    SECRET_BYTES,
    digest_of,
    id_of,
    looks_like_a_key,
    parts_of,
    secret_of,
    written,
)


@given(st.binary(min_size=ID_BYTES, max_size=ID_BYTES), st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES))
def test_what_is_written_is_read_again(of_id: bytes, of_secret: bytes) -> None:
    key_id, secret = id_of(of_id), secret_of(of_secret)
    key = written(key_id, secret)
    assert key.isascii()
    assert len(secret) == 43
    assert looks_like_a_key(key)
    assert parts_of(key) == (key_id, secret)


@given(st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES), st.integers(0, SECRET_BYTES * 8 - 1))
def test_each_bit_of_the_entropy_counts(entropy: bytes, bit: int) -> None:
    other = (int.from_bytes(entropy) ^ (1 << bit)).to_bytes(SECRET_BYTES)
    assert secret_of(other) != secret_of(entropy)
    assert digest_of(secret_of(other)) != digest_of(secret_of(entropy))


KEY = written(id_of(bytes(8)), secret_of(bytes(32)))


@pytest.mark.parametrize(
    "other", ["", "nk_", KEY[:-1], KEY + "0", KEY[1:], " " + KEY, KEY + "\n", KEY.replace("_", "-"), KEY[:-1] + "é"]
)
def test_anything_else_is_no_key(other: str) -> None:
    assert parts_of(other) is None
