"""Agents of the SDK that are served in a process of a test's own, and that are gone on with after it was killed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from agents import Agent, ModelResponse
from agents.testing import ModelCall, ModelStep, ScriptedModel
from agents.usage import deserialize_usage

from netra_backend.app.core.events import AnyEvent
from netra_server.openai_agents import serve

USAGE = deserialize_usage(
    {
        "requests": 1,
        "input_tokens": 30,
        "input_tokens_details": {"cached_tokens": 10},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 37,
    }
)

Answer = Callable[[ModelCall], Any]


class Served:
    """Serves agents in a workshop."""

    def __init__(self, workshop: Any) -> None:
        self.workshop = workshop

    def model(self, answer: Answer, most: int = 200) -> ScriptedModel:
        """A model that answers by the request alone, as often as it is asked."""

        def responder(call: ModelCall) -> Any:
            said = answer(call)
            if isinstance(said, Exception | ModelResponse):
                return said
            return ModelResponse([*said] if isinstance(said, list) else [said], usage=USAGE, response_id="r1")

        return ScriptedModel([ModelStep.respond(responder) for _ in range(most)])

    def agent(self, agent: Agent[Any], **options: Any) -> None:
        """Serve it."""
        self.workshop.agents.append(serve(agent, **options))
        self.workshop.open()

    async def boundaries(
        self, events: Sequence[AnyEvent], check: Callable[[int, Sequence[AnyEvent]], None], owner: str = "user_ada"
    ) -> None:
        """Go on with a run as if it had been killed after each of its events, and ``check`` what came of it."""
        store = self.workshop.store
        for frames in range(1, len(events)):
            self.workshop.store = store
            client = await self.workshop.killed_after(events, owner, frames)
            await client.ended(events[0].run_id)
            check(frames, await self.workshop.stored(events[0].run_id))


@pytest.fixture
def served(workshop: Any) -> Served:
    return Served(workshop)


def items_of(call: ModelCall) -> list[tuple[str, Any]]:
    """What a request holds, as pairs of a role or type and what is said."""
    found = []
    for item in call.input:
        each: Mapping[str, Any] = item
        said = next((each[name] for name in ("content", "output", "name") if name in each), None)
        if isinstance(said, list):
            said = "".join(str(part.get("text", part.get("type"))) for part in said)
        found.append((str(each.get("role") or each.get("type")), said))
    return found


@pytest.fixture
def items() -> Callable[[ModelCall], list[tuple[str, Any]]]:
    """What a request holds, as pairs of a role or type and what is said."""
    return items_of
