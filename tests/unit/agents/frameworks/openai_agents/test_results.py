"""What a run comes to, as people and programs read it."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, MaxTurnsExceeded, ModelBehaviorError, ModelRefusalError, function_tool
from agents.testing import assistant_message, function_call
from openai import OpenAIError

from netra_backend.app.agents.frameworks.openai_agents.results import told
from netra_backend.app.core.errors import DependencyUnavailable, Fault


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (MaxTurnsExceeded("x"), Fault, "number of turns"),
        (ModelRefusalError("x"), Fault, "refused"),
        (ModelBehaviorError("x"), DependencyUnavailable, "cannot be used"),
        (OpenAIError("key sk-abc"), DependencyUnavailable, "failed"),
    ],
)
def test_an_error_says_what_happened_and_no_more(fault: Exception, kind: type[Any], words: str) -> None:
    said = told(fault)
    assert type(said) is kind
    assert words in str(said)
    assert "sk-abc" not in str(said)


def test_other_errors_are_left_as_they_are() -> None:
    fault, own = ValueError("x"), Fault("y")
    assert (told(fault), told(own)) == (fault, own)


async def test_what_a_tool_returned_may_be_the_result(workshop: Any, served: Any) -> None:
    @function_tool
    def count() -> list[int]:
        """Counts."""
        return [1, 2]

    model = served.model(lambda call: [assistant_message("I count."), function_call("count", "{}", call_id="c1")])
    agent: Agent[Any] = Agent(name="counter", model=model, tools=[count], tool_use_behavior="stop_on_first_tool")
    served.agent(agent.clone(output_type=list[int]))
    events = await workshop.run("counter")
    assert events[-1].result == {"text": "[1, 2]", "data": {"result": [1, 2]}}
