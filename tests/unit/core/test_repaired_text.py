"""Text that cannot be written as UTF-8."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.core.repaired_text import repaired


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("plain é 😀", "plain é 😀"),
        ("cut \ud83d", "cut \ufffd"),
        ("\ude00 cut", "\ufffd cut"),
        ("\ud83d\ude00", "😀"),
        ({"\ud83d": ["\ud83d", {"a": ("\udfff", 1, None)}]}, {"\ufffd": ["\ufffd", {"a": ["\ufffd", 1, None]}]}),
        (7, 7),
        (None, None),
    ],
)
def test_each_half_of_a_pair_becomes_the_replacement_character(value: Any, told: Any) -> None:
    assert repaired(value) == told


def test_what_is_nested_too_deeply_is_refused() -> None:
    value: Any = "x"
    for _ in range(300):
        value = [value]
    with pytest.raises(ValueError, match="deeply"):
        repaired(value)
