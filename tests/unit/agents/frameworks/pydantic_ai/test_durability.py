"""The capability that each run gets: stable ids and times, and nothing that one run leaves to another."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from pydantic_ai import Agent, RunContext

from netra_backend.app.agents.frameworks.pydantic_ai.durability import NetraDurability

from .conftest import Script, Shop


async def test_ids_of_a_run_are_those_of_the_server(shop: Shop) -> None:
    seen: list[tuple[Any, Any, Any]] = []
    agent = shop.agent(Script("fine"))

    @agent.output_validator
    def look(ctx: RunContext[Any], output: str) -> str:
        seen.append((ctx.run_id, ctx.conversation_id, ctx.deadline))
        return output

    shop.serve(agent)
    events = await shop.run()
    async for _, _after in shop.replays(events, len(events) - 1):
        pass
    assert seen == [(f"{events[0].run_id}:0", events[0].thread_id, None)] * 2


async def test_outside_of_a_server_it_does_nothing() -> None:
    agent: Agent[Any, Any] = Agent("test", name="golden")
    capability = NetraDurability(name="golden").for_agent(agent)
    assert capability.for_agent(agent) is capability
    assert capability.get_default_run_id() is None
    assert capability.get_default_conversation_id("run") is None
    assert await capability.get_run_start_time("run") is None
    done = await agent.run("go", capabilities=[capability])
    assert done.output == "success (no tool calls)"


async def test_runs_of_two_users_side_by_side_never_meet(shop: Shop) -> None:
    """Canaries in prompts, dependencies and tool results; seen from the model, too."""
    script = Script({"look": {}}, "Done.")
    agent = shop.agent(script, deps_type=str)
    both = asyncio.Barrier(2)

    @agent.tool
    async def look(ctx: RunContext[str]) -> str:
        async with asyncio.timeout(5):
            await both.wait()
        return f"result of {ctx.deps}"

    shop.serve(agent, deps=lambda context: f"canary-{context.user_id}")
    one, two = await asyncio.gather(shop.run("one"), shop.run("two"))
    owners = [shop.workshop.store.threads[events[0].thread_id].owner for events in (one, two)]
    for events, own, other in ((one, *owners), (two, *reversed(owners))):
        assert f"canary-{own}" in str(events)
        assert f"canary-{other}" not in str(events)
    for messages in script.seen:
        assert str(getattr(messages[0].parts[0], "content", "")) in ("one", "two")
        assert sum(f"canary-{owner}" in str(messages) for owner in owners) <= 1


async def test_a_run_starts_when_it_was_asked_for(shop: Shop) -> None:
    seen: list[Any] = []
    agent = shop.agent(Script("fine"))
    shop.serve(agent)
    served = shop.workshop.agents[-1]
    assert served.name == "golden"

    @agent.output_validator
    async def look(ctx: RunContext[Any], output: str) -> str:
        assert ctx.root_capability is not None
        seen.append(await ctx.root_capability.get_run_start_time("run"))
        return output

    events = await shop.run()
    assert seen == [datetime.fromtimestamp(events[0].ts / 1000, UTC)]
