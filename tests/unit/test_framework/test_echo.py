"""The echoing agent shows the five events and repeats by its tool."""

from __future__ import annotations

from pathlib import Path

from test_framework import echo
from test_framework.ids import new_id
from test_framework.local_runtime import connected_user, running


async def test_the_message_comes_back_by_a_tool_of_its_own_user(tmp_path: Path) -> None:
    async with (
        running(tmp_path / "data", agents=echo.AGENTS, tools=echo.TOOLS) as runtime,
        connected_user(runtime, new_id("user")) as user,
    ):
        user.send(type="execute_agent", agent="echo", message="hello")
        ended = await user.ended_run()
        assert ended["result"] == {
            "text": "hello",
            "data": {"repeated": {"user_id": user.user_id, "text": "hello"}},
        }
        kinds = [frame["type"] for frame in user.wire.frames]
        assert kinds[2:] == ["agent_started", "agent_thinking", "tool_executing", "tool_completed"]
