"""Model names in any writing."""

from __future__ import annotations

import pytest

from netra_backend.app.agents.triage.model_names import canonical, catalogue, find_models
from netra_backend.app.agents.triage.text import read


def named(message: str) -> list[str]:
    return [mention.name for mention in find_models(read(message))]


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("what does gpt-4o cost", "gpt-4o"),
        ("GPT4o mini", "gpt-4o-mini"),
        ("4o-mini please", "gpt-4o-mini"),
        ("gpt 4.1 nano", "gpt-4.1-nano"),
        ("gpt 3.5", "gpt-3.5-turbo"),
        ("claude sonnet 4.5", "claude-sonnet-4-5"),
        ("sonnet 4.5", "claude-sonnet-4-5"),
        ("claude 3.5 sonnet", "claude-3-5-sonnet"),
        ("anthropic/claude-opus-4", "claude-opus-4"),
        ("gemini 2.5 flash lite", "gemini-2.5-flash-lite"),
        ("llama 3.3 70b", "llama-3.3-70b"),
        ("deepseek v3.2", "deepseek-v3.2"),
        ("o3-mini", "o3-mini"),
        ("cluade opus 4.1", "claude-opus-4-1"),
    ],
)
def test_a_name_with_a_version_is_given_as_catalogued(message: str, name: str) -> None:
    assert named(message) == [name]


@pytest.mark.parametrize(
    ("message", "name"), [("use haiku", "haiku"), ("use sonet", "sonnet"), ("the claude opus", "claude-opus")]
)
def test_a_name_without_a_version_stays_as_said(message: str, name: str) -> None:
    (mention,) = find_models(read(message))
    assert (mention.name, mention.known) == (name, False)


def test_a_version_is_never_corrected() -> None:
    assert named("gpt-7.3 ultra") == ["gpt-7.3-ultra"]
    assert canonical("gpt-4.5") != canonical("gpt-5.4")


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ("gpt-4o 20 times", ["gpt-4o"]),
        ("haiku 10% of traffic", ["haiku"]),
        ("gpt-4o 1M tokens", ["gpt-4o"]),
        ("haiku vs gpt-5", ["haiku", "gpt-5"]),
        ("claude code costs", []),
        ("in clause 4 of the contract", []),
    ],
)
def test_what_follows_a_name_is_not_taken_for_it(message: str, names: list[str]) -> None:
    assert named(message) == names


def test_a_mention_is_cited_as_written() -> None:
    (mention,) = find_models(read("Try Sonet 4.5 now"))
    assert mention.said == "Sonet 4.5"


def test_the_catalogue_pins_no_model_without_figures() -> None:
    assert all(figures for _, figures in catalogue())
    assert canonical("gpt") is None


def test_a_hostile_repetition_is_read_to_its_end() -> None:
    assert len(named("gpt-4o-" * 9_000)) < 500
