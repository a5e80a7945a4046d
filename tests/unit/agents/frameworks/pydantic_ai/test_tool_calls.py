"""Tool calls: rights, time limits, faults, exact results, and what tools that run agents use."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from pydantic_ai import Agent, BinaryContent, RunContext, ToolReturn
from pydantic_ai.capabilities import Hooks
from pydantic_ai.messages import ModelRequest, UserPromptPart
from pydantic_ai.usage import UsageLimits

from .conftest import Script, Shop, returned


async def outcome(shop: Shop, of: Any, tool: Any, arguments: dict[str, Any] | None = None, **metadata: Any) -> Any:
    """What a call of this tool came to, and what the model got."""
    script = Script({tool.__name__: arguments or {}}, "Done.")
    agent = shop.agent(script)
    agent.tool_plain(metadata={"netra": metadata} if metadata else None)(tool)
    shop.serve(agent)
    events = await shop.run()
    assert events[-1].result["text"] == "Done."
    return of(events, "ToolCompleted")[0], returned(script.seen[-1])[tool.__name__]


async def test_a_tool_that_raises_is_told_to_the_model_as_failed(shop: Shop, of: Any) -> None:
    async def broken() -> str:
        raise KeyError("secret detail")

    completed, told = await outcome(shop, of, broken)
    assert completed.error["code"] == "TOOL_FAILED"
    assert told.startswith("TOOL_FAILED: broken failed (KeyError).")
    assert "secret detail" not in told


async def test_a_tool_that_takes_too_long_is_told_as_such(shop: Shop, of: Any) -> None:
    async def slow() -> str:
        await asyncio.get_running_loop().create_future()
        return "never"

    completed, told = await outcome(shop, of, slow, timeout_s=0.01)
    assert completed.error["code"] == "TOOL_TIMEOUT"
    assert "TOOL_TIMEOUT" in told


async def test_a_tool_that_its_user_has_no_right_to_is_not_called(shop: Shop, of: Any) -> None:
    async def wipe() -> str:
        shop.effects["wipe"] += 1
        return "gone"

    completed, told = await outcome(shop, of, wipe, permission="admin")
    assert completed.error["code"] == "TOOL_NOT_ALLOWED"
    assert "TOOL_NOT_ALLOWED" in told
    assert shop.effects == {}


async def test_what_is_not_json_is_told_as_such(shop: Shop, of: Any) -> None:
    async def odd() -> Any:
        return object()

    completed, told = await outcome(shop, of, odd)
    assert completed.error["code"] == "RESULT_NOT_JSON"
    assert "RESULT_NOT_JSON" in told


@dataclass
class Found:
    name: str
    kind: str = "person"


async def test_results_of_any_kind_are_the_same_on_a_replay(shop: Shop, of: Any) -> None:
    script = Script({"image": {}, "find": {}, "several": {}, "nothing": {}}, "Done.")
    agent = shop.agent(script)

    @agent.tool_plain
    async def image() -> ToolReturn:
        return ToolReturn("see", content=["Look:", BinaryContent(b"png", media_type="image/png")], metadata={"a": 1})

    @agent.tool_plain
    async def find() -> Found:
        return Found("ada")

    @agent.tool_plain
    async def several() -> list[dict[str, Any]]:
        return [{"pydantic_ai": 1}, {"kind": "tool-return"}]

    @agent.tool_plain
    async def nothing() -> None:
        return None

    shop.serve(agent)
    events = await shop.run()
    first = script.seen[-1][-1]
    assert returned(script.seen[-1])["find"] == {"name": "ada", "kind": "person"}
    assert returned(script.seen[-1])["several"] == [{"pydantic_ai": 1}, {"kind": "tool-return"}]
    assert returned(script.seen[-1])["nothing"] is None
    assert isinstance(first, ModelRequest)
    prompts = [part.content for part in first.parts if isinstance(part, UserPromptPart)]
    assert prompts[0][1].data == b"png"
    last = max(place for place, each in enumerate(events, 1) if type(each).__name__ == "ToolCompleted")
    async for _, after in shop.replays(events[: last + 1], last):
        assert after[-1].result["text"] == "Done."
    again = script.seen[-1][-1]
    assert [part for part in again.parts if part.part_kind == "tool-return"] != []
    assert [_untimed(part) for part in again.parts] == [_untimed(part) for part in first.parts]


def _untimed(part: Any) -> Any:
    return {name: value for name, value in vars(part).items() if name != "timestamp"}


async def test_what_an_agent_that_a_tool_runs_has_used_counts_the_same_on_a_replay(shop: Shop) -> None:
    used: list[int] = []
    below: Agent[Any, Any] = Agent("test")
    script = Script({"ask": {}}, "Done.")
    agent = shop.agent(script)

    @agent.tool
    async def ask(ctx: RunContext[Any]) -> str:
        return str((await below.run("go", usage=ctx.usage, usage_limits=UsageLimits(request_limit=5))).output)

    @agent.output_validator
    def look(ctx: RunContext[Any], output: str) -> str:
        used.append(ctx.usage.requests)
        return output

    shop.serve(agent)
    events = await shop.run()
    async for _, after in shop.replays(events, len(events) - 1):
        assert after[-1].result["text"] == "Done."
    assert used == [3, 3]


async def test_calls_side_by_side_count_nothing_of_each_other(shop: Shop, of: Any) -> None:
    script = Script({"quick": {}, "slow": {}}, "Done.")
    over, hooks = asyncio.Event(), Hooks[Any]()

    @hooks.on.after_tool_execute
    async def counted(ctx: Any, *, call: Any, tool_def: Any, args: Any, result: Any) -> Any:
        over.set()
        return result

    agent = shop.agent(script, capabilities=[hooks])

    @agent.tool_plain
    async def quick() -> str:
        return "quick"

    @agent.tool_plain(metadata={"netra": {"idempotent": True}})
    async def slow() -> str:
        await over.wait()
        return "slow"

    shop.serve(agent)
    events = await shop.run()
    assert sorted(each.result for each in of(events, "ToolCompleted")) == ["quick", "slow"]
