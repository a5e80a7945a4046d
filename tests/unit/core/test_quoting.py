"""An error message quotes a value whole or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.core.quoting import quoted_whole


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("mood", "'mood'"),
        (7, "7"),
        ("x" * 64, repr("x" * 64)),
        ("x" * 1_065, "a str of 1,065 characters"),
        (b"x" * 65, "a bytes of 65 characters"),
        ("\x00" * 64, "a str"),
        (["x" * 200], "a list"),
        pytest.param(10**5_000, "a int", id="a number of 5,001 digits"),
    ],
)
def test_a_value_is_quoted_whole_or_not_at_all(value: Any, told: str) -> None:
    assert quoted_whole(value) == told
