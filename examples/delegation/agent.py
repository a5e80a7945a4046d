"""Plans a day by asking two other agents at once: an agent that delegates.

``netra serve --app agent`` serves all three from this directory.
"""

from __future__ import annotations

import asyncio

from netra_server import AgentResult, RunScope


class Sights:
    """Knows what there is to see."""

    name = "sights"
    description = "Says what there is to see in a city."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        """Name two of them."""
        return AgentResult(f"The old town and the museum of {scope.message}.")


class Food:
    """Knows where to eat."""

    name = "food"
    description = "Says where to eat in a city."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        """Name a place."""
        return AgentResult(f"The market hall of {scope.message}.")


class Planner:
    """Has the others answer side by side: each is a step of its run, so after a crash neither is asked again."""

    name = "planner"
    description = "Plans a day in a city."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        """Ask both, and put their answers together."""
        sights, food = await asyncio.gather(
            scope.run_agent("sights", scope.message), scope.run_agent("food", scope.message)
        )
        return AgentResult(f"See: {sights.text}\n\nEat: {food.text}", {"see": sights.text, "eat": food.text})


AGENTS = [Planner, Sights, Food]
