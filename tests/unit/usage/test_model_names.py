"""Names as people type them."""

from __future__ import annotations

import pytest

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.model_names import resolve


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gpt-4o", "openai:gpt-4o"),
        ("GPT 4o", "openai:gpt-4o"),
        ("gpt-4o-mni", "openai:gpt-4o-mini"),
        ("Claude Sonnet 4.5", "anthropic:claude-sonnet-4-5"),
        ("sonnet 4.5", "anthropic:claude-sonnet-4-5"),
        ("gemini-2.5-flsh", "google:gemini-2.5-flash"),
        ("anthropic/claude-opus-4-8", "anthropic:claude-opus-4-8"),
    ],
)
def test_a_name_that_can_mean_one_model_only_is_understood(typed: str, meant: str) -> None:
    assert resolve(typed).name == meant


@pytest.mark.parametrize("typed", ["haiku", "opus", "gemini flash", "gpt", "deepseek", "mixtral"])
def test_a_name_that_pins_no_version_offers_candidates(typed: str) -> None:
    with pytest.raises(ToolError) as caught:
        resolve(typed)
    assert caught.value.code == "AMBIGUOUS_MODEL"
    candidates = caught.value.details["candidates"]
    assert len(candidates) > 1
    assert all(typed.split()[0] in candidate for candidate in candidates)


@pytest.mark.parametrize("typed", ["xyzzy", "gpt-6000", "", "'; DROP TABLE usage; --", "a" * 10_000])
def test_a_name_that_is_none_is_unpriced(typed: str) -> None:
    with pytest.raises(ToolError) as caught:
        resolve(typed)
    assert caught.value.code == "UNPRICED_MODEL"
    assert len(caught.value.message) < 300


def test_a_typo_never_changes_the_version() -> None:
    with pytest.raises(ToolError):
        resolve("claude-sonnet-4-4")


def test_the_provider_may_be_given() -> None:
    assert resolve("gpt-4o", "azure").provider.id == "azure"
