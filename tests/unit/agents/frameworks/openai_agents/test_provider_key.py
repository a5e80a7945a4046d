"""An agent that asks OpenAI without a key is refused when it is added, not at its first question."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, RunConfig
from agents.models.multi_provider import MultiProvider

from netra_backend.app.agents.frameworks.openai_agents.provider_key import check_key
from netra_backend.app.core.errors import ExtensionError
from netra_backend.app.extensions.collection import Collection
from netra_server.openai_agents import serve


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("model", [None, "gpt-5-mini", "openai/gpt-5-mini"])
def test_a_missing_key_is_named(model: str | None) -> None:
    with pytest.raises(ExtensionError, match="set OPENAI_API_KEY"):
        check_key([Agent(name="a", model=model)], RunConfig())
    collection = Collection()
    collection.take(serve(Agent(name="a", model=model)), "mine:AGENTS")
    assert collection.faults[0].endswith(
        "it cannot be made: the agent asks a model of OpenAI, and there is no key: set OPENAI_API_KEY."
    )


def test_a_key_in_the_environment_or_of_the_provider_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    check_key([Agent(name="a")], RunConfig(model_provider=MultiProvider(openai_api_key="k")))
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    check_key([Agent(name="a")], RunConfig())


class Other(MultiProvider):
    """A provider of one's own."""


@pytest.mark.parametrize(
    ("model", "config"),
    [
        ("litellm/x", {}),
        ("gpt-5-mini", {"model_provider": Other()}),
        ("gpt-5-mini", {"model": "any-llm/x"}),
    ],
)
def test_an_agent_that_asks_another_provider_needs_none(model: str, config: dict[str, Any]) -> None:
    check_key([Agent(name="a", model=model)], RunConfig(**config))
