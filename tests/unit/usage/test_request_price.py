"""What one request costs: by the one price list, exactly, at the moment of the request."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from netra_backend.app.usage.request_price import request_price

AT_MS = round(datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    "model", ["openai:gpt-4o-mini", "openai-chat:gpt-4o-mini", "gpt-4o-mini", "openai/gpt-4o-mini"]
)
def test_a_request_costs_its_tokens_at_the_list_price_by_whatever_name(model: str) -> None:
    assert request_price(model, AT_MS, 1_000, 400, 0, 10) == Decimal("0.000126")


def test_a_token_costs_what_it_costs_and_is_not_rounded_away() -> None:
    assert request_price("openai:gpt-4o-mini", AT_MS, 1, 0, 0, 0) == Decimal("0.00000015")


@pytest.mark.parametrize("model", ["openai:no-such-model", "mine", ":", "function:answer:"])
def test_a_model_that_is_not_listed_has_no_price(model: str) -> None:
    assert request_price(model, AT_MS, 1, 0, 0, 1) is None
