"""The registry makes a new agent for every run, of those that there are."""

from __future__ import annotations

import pytest

from netra_backend.app.agents.interface import AgentListed, AgentResult, RunScope
from netra_backend.app.agents.supervisor.agent_registry import AgentRegistry
from netra_backend.app.core.errors import NotFound
from netra_backend.app.core.limits import USUAL
from netra_backend.app.core.plans import Plan


class Greeter:
    name = "greeter"
    description = "Greets."
    tools = frozenset({"b", "a"})

    async def run(self, scope: RunScope) -> AgentResult:
        return AgentResult("hello")


@pytest.fixture
def registry() -> AgentRegistry:
    made = AgentRegistry()
    made.configure(Greeter)
    return made


@pytest.mark.validation_point("registry.agent")
@pytest.mark.parametrize("name", ["nobody", "", "x" * 500])
def test_an_agent_that_is_not_registered_is_refused_with_those_that_are(registry: AgentRegistry, name: str) -> None:
    with pytest.raises(NotFound, match="Available agents: greeter") as refused:
        registry.check(name)
    assert refused.value.entry.id == "unknown_agent"
    assert len(str(refused.value)) < 200


def test_every_run_gets_an_agent_of_its_own(registry: AgentRegistry) -> None:
    assert registry.make("greeter") is not registry.make("greeter")
    assert registry.get_factory_metrics() == {"agents_registered": 1, "agents_made": 2}


def test_a_name_is_registered_once(registry: AgentRegistry) -> None:
    with pytest.raises(ValueError, match="'greeter' is already registered"):
        registry.configure(Greeter)


async def test_agents_are_listed_described_and_forgotten(registry: AgentRegistry) -> None:
    assert registry.names() == ("greeter",)
    assert registry.has("greeter")
    assert not registry.has("nobody")
    assert registry.describe() == [{"name": "greeter", "description": "Greets.", "tools": ["a", "b"]}]
    await registry.cleanup()
    assert registry.names() == ()


class TestDefault:
    """Who is asked if nobody is named."""

    @pytest.fixture
    def several(self) -> AgentRegistry:
        made = AgentRegistry("greeter")
        made.configure(
            Greeter, type("Poet", (Greeter,), {"name": "poet"}), type("Painter", (Greeter,), {"name": "painter"})
        )
        return made

    def plan(self, *agents: str) -> Plan:
        return Plan("free", USUAL, None, frozenset(agents))

    def test_it_is_the_default_agent_if_the_plan_has_it(self, several: AgentRegistry) -> None:
        assert several.default_of() == "greeter"
        assert several.default_of(self.plan("poet", "greeter")) == "greeter"

    def test_else_it_is_the_only_one_of_the_plan_and_of_several_none(self, several: AgentRegistry) -> None:
        assert several.default_of(self.plan("poet")) == "poet"
        assert several.default_of(self.plan("poet", "painter")) is None
        assert several.default_of(self.plan()) is None

    def test_those_of_the_plan_are_listed(self, several: AgentRegistry) -> None:
        assert several.listed(self.plan("poet")) == [AgentListed("poet", "Greets.")]
