"""What the tests of all levers share: one lever's answer over rows that a test spells out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Protocol

import pytest

from netra_backend.app.usage.savings import estimate_savings
from test_framework.usage_rows import ALL_CAPABILITIES, usage_rows


class Estimate(Protocol):
    """``estimate(lever, rows, **arguments)``: the lever's answer, with its money as ``Decimal``."""

    def __call__(
        self,
        lever: str,
        rows: Iterable[Mapping[str, Any]],
        *,
        capabilities: Iterable[str] = ALL_CAPABILITIES,
        options: Mapping[str, Any] | None = None,
        **common: Any,
    ) -> dict[str, Any]: ...


@pytest.fixture
def estimate() -> Estimate:
    def ask(
        lever: str,
        rows: Iterable[Mapping[str, Any]],
        *,
        capabilities: Iterable[str] = ALL_CAPABILITIES,
        options: Mapping[str, Any] | None = None,
        **common: Any,
    ) -> dict[str, Any]:
        connection = usage_rows(rows, capabilities=capabilities, **common)
        answer: dict[str, Any]
        (answer,) = estimate_savings(connection, {"levers": [lever], **(options or {})})["levers"]
        for scenario in ("low", "base", "high"):
            if f"{scenario}_usd" in answer:
                answer[scenario] = Decimal(answer[f"{scenario}_usd"])
        return answer

    return ask
