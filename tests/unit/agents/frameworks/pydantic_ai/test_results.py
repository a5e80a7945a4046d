"""Outputs as results of runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel

from netra_backend.app.agents.frameworks.pydantic_ai.results import result


class Price(BaseModel):
    item: str
    on: date


@dataclass
class Pair:
    left: int
    right: int


@pytest.mark.parametrize(
    ("output", "data"),
    [
        ("It is fine.", {}),
        (Price(item="milk", on=date(2026, 11, 30)), {"item": "milk", "on": "2026-11-30"}),
        (Pair(1, 2), {"left": 1, "right": 2}),
        ([1, 2], {"output": [1, 2]}),
        (True, {"output": True}),
    ],
)
def test_a_text_is_text_and_all_else_is_data(output: Any, data: dict[str, Any]) -> None:
    made = result(output)
    assert made.data == data
    assert made.text == (output if isinstance(output, str) else made.text)
    assert made.text.startswith("```json") is not isinstance(output, str)
