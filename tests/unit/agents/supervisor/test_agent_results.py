"""What agents return."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.errors import ToolError
from netra_backend.app.core.events import AgentCompleted, AgentFailed

HOLDS_ITSELF: dict[str, Any] = {}
HOLDS_ITSELF["again"] = HOLDS_ITSELF


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (AgentResult("", {"n": [10**5_000]}), "The data of golden's result holds a number of more digits"),
        (AgentResult("", {"n": {10**5_000: 1}}), "The data of golden's result holds a number of more digits"),
        (AgentResult("", {"n": object()}), "The data of golden's result is not JSON (TypeError)."),
        (AgentResult("", HOLDS_ITSELF), "The data of golden's result is not JSON (RecursionError)."),
        (AgentResult(10**5_000), "The text of golden's result is int, not str."),  # type: ignore[arg-type]  # on purpose
        (None, "golden returned NoneType, not an AgentResult."),
        ("done", "golden returned str, not an AgentResult."),
    ],
    ids=["a number", "a name", "an object", "itself", "a text", "nothing", "bare text"],
)
async def test_a_result_that_cannot_be_recorded_fails_the_run_and_is_named(
    workshop: Any, result: Any, words: str
) -> None:
    async def run(scope: Any) -> Any:
        return result

    workshop.agent("golden", run)
    end = (await workshop.run("golden"))[-1]
    assert isinstance(end, AgentFailed)
    assert (end.error, end.message.startswith(words)) == ("tool_fault", True)
    assert end.hint == "Tell the author of the agent."


async def test_who_asked_an_agent_that_returns_nothing_learns_that(workshop: Any) -> None:
    async def inner(scope: Any) -> Any:
        return None

    async def outer(scope: Any) -> AgentResult:
        try:
            await scope.run_agent("inner", "hello")
        except ToolError as fault:
            return AgentResult(f"{fault.code}: {fault.message}")
        return AgentResult("")

    workshop.agent("inner", inner)
    workshop.agent("golden", outer)
    end = (await workshop.run("golden"))[-1]
    assert isinstance(end, AgentCompleted), end
    assert end.result["text"] == "NO_RESULT: inner returned NoneType, not an AgentResult."
