"""The golden path over a real socket: what is asked well is answered with five events, what is asked badly by name."""

from __future__ import annotations

import re
from typing import Any

import pytest

from test_framework.base_e2e_test import BaseE2ETest
from test_framework.ids import new_id
from test_framework.websocket_client import WebSocketTestClient

FIVE = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]
PLACEHOLDERS = {
    "user_id": "placeholder_user",
    "thread_id": "registry_thread",
    "run_id": "default_run",
    "request_id": "temp_request",
}


async def assert_open(client: WebSocketTestClient) -> None:
    """The socket takes commands: a refusal of one did not end it."""
    key = new_id("key")
    await client.send_json({"type": "ping", "id": key})
    pong = await client.expect_event("pong")
    assert pong["id"] == key


@pytest.mark.gcp_staging
class TestGoldenPathSSotValidation(BaseE2ETest):
    @pytest.mark.validation_point("session.thread_id")
    async def test_a_placeholder_thread_is_refused_in_a_frame_with_1011_and_the_socket_stays_open(self) -> None:
        user = await self.create_test_user("golden@example.org")
        async with self.connect(user) as client:
            await client.send_json(
                {
                    "type": "execute_agent",
                    "agent": "cost_optimizer",
                    "message": "Where can I cut?",
                    "user_id": user.id,
                    "thread_id": "placeholder_thread",
                }
            )
            frame = await client.expect_error("invalid_context", code=1011)
            assert "Factory SSOT validation failed" in frame["message"]
            assert (frame["field"], frame["retryable"]) == ("thread_id", False)
            assert frame["hint"]
            await assert_open(client)

    @pytest.mark.validation_point("session.context_ids")
    async def test_a_context_of_four_placeholders_is_refused_and_the_socket_stays_open(self) -> None:
        async with self.connect(await self.create_test_user("golden@example.org")) as client:
            await client.send_json(
                {"type": "execute_agent", "agent": "triage_agent", "message": "hello", "context": PLACEHOLDERS}
            )
            frame = await client.expect_error(code=1011)
            assert re.search(r"SSOT.*context.*validation", frame["message"])
            assert re.search(r"forbidden.*placeholder.*values", frame["message"].lower())
            await assert_open(client)

    @pytest.mark.validation_point("thread.claim")
    async def test_the_first_user_of_a_thread_owns_it_and_the_second_is_refused(self) -> None:
        # A server that is not ours keeps its threads: there the id must be new.
        thread = "shared_thread_123" if self.services["process"] else f"shared_thread_123_{new_id('x')}"
        first = await self.create_test_user("first@example.org")
        second = await self.create_test_user("second@example.org")
        async with self.connect(first) as owner, self.connect(second) as other:
            frames = await owner.run_agent("triage_agent", "what can you do?", thread_id=thread)
            assert frames[0]["thread_id"] == thread
            asked = {"type": "execute_agent", "agent": "triage_agent", "message": "mine?", "thread_id": thread}
            await other.send_json(asked)
            frame = await other.expect_error("isolation_violation", matching="SSOT isolation", code=1011)
            assert frame["field"] == "thread_id"
            await assert_open(other)
            again = await owner.run_agent("triage_agent", "still mine", thread_id=thread)
            assert again[-1]["type"] == "agent_completed"

    @pytest.mark.validation_point("thread.claim")
    async def test_two_users_who_claim_one_thread_at_once_do_not_both_get_it(self) -> None:
        thread = new_id("thread")
        users = [await self.create_test_user(f"{name}@example.org") for name in ("one", "two")]
        async with self.connect(users[0]) as one, self.connect(users[1]) as two:
            asked = {"type": "execute_agent", "agent": "triage_agent", "message": "mine!", "thread_id": thread}
            await one.send_json(asked)
            await two.send_json(asked)
            answers = [await one.receive_json(), await two.receive_json()]
            assert sorted(answer["type"] for answer in answers) == ["accepted", "error"]
            assert [answer["field"] for answer in answers if answer["type"] == "error"] == ["thread_id"]

    async def test_a_whole_run_shows_the_five_events_in_order_without_holes(self) -> None:
        async with self.connect(await self.create_test_user("golden@example.org")) as client:
            frames = await client.run_agent("triage_agent", "how much did we burn on LLMs last month?")
            events = frames[1:]
            kinds = [frame["type"] for frame in events]
            assert [frame["seq"] for frame in events] == list(range(1, len(events) + 1))
            assert kinds[0] == "user_message"
            assert kinds[-1] == "agent_completed"
            assert [kind for kind in FIVE if kind in kinds and kind != "tool_executing"]
            assert kinds.count("agent_started") == kinds.count("agent_completed") == 1
            assert {frame["thread_id"] for frame in events} == {frames[0]["thread_id"]}

    @pytest.mark.validation_point("session.factory_command")
    async def test_a_client_commands_no_factory(self) -> None:
        async with self.connect(await self.create_test_user("golden@example.org")) as client:
            command: dict[str, Any] = {"type": "ping", "force_factory_recreation": True}
            await client.send_json(command | {"ssot_validation_level": "strict"})
            await client.expect_error("factory_command_refused", matching="Factory SSOT validation failed", code=1011)
            await client.send_json({"type": "ping", "ssot_validation_level": None, "id": "key"})
            assert (await client.expect_event("pong"))["id"] == "key"
            await assert_open(client)
