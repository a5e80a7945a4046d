"""Provider change: offers come from the price list, so their order is checked, and one case is worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from netra_backend.app.usage import pricing
from netra_backend.app.usage.levers.provider_change import weights_of
from tests.unit.usage.levers.conftest import Estimate


@pytest.mark.parametrize(
    ("spelling", "weights"),
    [
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b"),
        ("accounts/fireworks/models/llama-v3p3-70b-instruct", "llama-3.3-70b"),
        ("llama-3.3-70b-versatile", "llama-3.3-70b"),
        ("openai/gpt-oss-120b", "gpt-oss-120b"),
        ("gpt-4o", None),
        ("claude-opus-4-8", None),
    ],
)
def test_the_same_weights_have_one_name(spelling: str, weights: str | None) -> None:
    assert weights_of(spelling) == weights


def test_closed_weights_have_no_other_provider(estimate: Estimate) -> None:
    answer = estimate("provider_change", [{}])
    assert (answer["status"], answer["coverage_percent"]) == ("none_found", 0)


def test_the_cheapest_offer_of_the_same_weights_is_the_high_figure(estimate: Estimate) -> None:
    # 1000 in, 100 out of gpt-oss-120b at each provider that lists it, by the list's own prices.
    costs: dict[str, list[Decimal]] = {}
    for listing in pricing.listings():
        if weights_of(listing.model.id) == "gpt-oss-120b" and not listing.model.id.endswith(":free"):
            quote = pricing.quote(listing, datetime(2026, 11, 2, 12, tzinfo=UTC))
            assert quote is not None
            rates = quote.rates(1000)
            costs.setdefault(listing.provider.id, []).append(Decimal(1000 * rates.input + 100 * rates.output) / 10**12)
    now = costs["groq"][0]
    others = sorted(
        cost for provider, found in costs.items() for cost in found if provider != "groq" and 0 < cost < now
    )
    answer = estimate("provider_change", [{"provider": "groq", "model": "openai/gpt-oss-120b"}])
    assert answer["low"] == 0
    assert answer["high"] == pytest.approx(now - others[0], abs=Decimal("1e-9"))
    assert answer["base"] == pytest.approx(now - others[len(others) // 2], abs=Decimal("1e-9"))
