"""A real socket: who may open one, what it refuses, how it ends, and the isolation drill over it."""

from __future__ import annotations

import asyncio
import json

import pytest

from test_framework.base_e2e_test import BaseE2ETest
from test_framework.ids import new_id
from test_framework.users import TestUser
from test_framework.websocket_client import WebSocketTestClient, websocket_client


class TestWebSocketConnectionSSotCompliance(BaseE2ETest):
    def url_of(self, user_id: str) -> str:
        return f"{self.services['websocket_url']}/ws/{user_id}"

    @pytest.mark.gcp_staging
    async def test_the_welcome_says_who_one_is_and_what_the_limits_are(self, authenticated_user: TestUser) -> None:
        async with self.connect(authenticated_user) as client:
            assert client.welcome["user_id"] == authenticated_user.id
            assert client.welcome["protocol"] == 1
            assert client.welcome["connection_id"]
            assert client.welcome["limits"]["bytes"] == 65_536
        async with self.websocket_client(self.services["websocket_url"], authenticated_user.token) as again:
            assert again.welcome["connection_id"] != client.welcome["connection_id"]

    @pytest.mark.gcp_staging
    @pytest.mark.validation_point("auth.path_user")
    async def test_nobody_connects_at_another_users_path(self) -> None:
        mine, other = await self.create_test_user("a@example.org"), await self.create_test_user("b@example.org")
        closed = None
        try:
            async with websocket_client(self.url_of(other.id), mine.token):
                pass
        except ConnectionAbortedError as aborted:
            closed = aborted.args
        assert closed == (4504, "user_mismatch")

    @pytest.mark.gcp_staging
    @pytest.mark.parametrize("token", ["nonsense", "a.b.c"])
    async def test_a_bad_token_is_told_and_closed(self, token: str) -> None:
        user_id = new_id("user")
        with pytest.raises(ConnectionAbortedError) as aborted:
            async with websocket_client(self.url_of(user_id), token):
                pass
        assert aborted.value.args == (4501, "unauthenticated")

    @pytest.mark.gcp_staging
    async def test_the_first_frame_may_bring_the_token(self, authenticated_user: TestUser) -> None:
        async with websocket_client(self.url_of(authenticated_user.id), None) as client:
            await client.send_json({"type": "authenticate", "token": authenticated_user.token})
            welcome = await client.receive_json()
            assert (welcome["type"], welcome["user_id"]) == ("connected", authenticated_user.id)

    @pytest.mark.gcp_staging
    @pytest.mark.validation_point("session.unauthenticated")
    async def test_nothing_is_taken_before_the_token(self, authenticated_user: TestUser) -> None:
        async with websocket_client(self.url_of(authenticated_user.id), None) as client:
            await client.send_json({"type": "ping"})
            await client.expect_error("unauthenticated")
            await client.expect_close(4501)

    @pytest.mark.gcp_staging
    @pytest.mark.validation_point("session.user_id")
    async def test_a_frame_does_not_speak_for_another_user(self, authenticated_user: TestUser) -> None:
        async with self.connect(authenticated_user) as client:
            await client.send_json(
                {"type": "execute_agent", "agent": "triage_agent", "message": "hello", "user_id": new_id("user")}
            )
            await client.expect_error("isolation_violation", matching="SSOT isolation")

    @pytest.mark.gcp_staging
    @pytest.mark.validation_point("context.connection")
    async def test_a_context_does_not_name_another_connection(self, authenticated_user: TestUser) -> None:
        async with self.connect(authenticated_user) as client:
            asked = {"type": "execute_agent", "agent": "triage_agent", "message": "hello"}
            await client.send_json(asked | {"context": {"connection_id": new_id("conn")}})
            await client.expect_error("isolation_violation", matching="SSOT isolation")
            own = {"connection_id": client.welcome["connection_id"], "user_id": authenticated_user.id}
            frames = await client.run_agent("triage_agent", "hello", context=own)
            assert frames[-1]["type"] == "agent_completed"

    @pytest.mark.gcp_staging
    async def test_the_third_invalid_frame_within_a_minute_ends_the_connection(
        self, authenticated_user: TestUser
    ) -> None:
        async with self.connect(authenticated_user) as client:
            for text, error in (("{", "invalid_json"), ('{"type": "nonsense"}', "unknown_type")):
                await client.send_text(text)
                await client.expect_error(error)
            await client.send_text('{"type": "ping", "surprise": 1}')
            await client.expect_error("invalid_frame")
            await client.expect_close(4510)

    @pytest.mark.gcp_staging
    async def test_a_binary_frame_and_a_huge_one_end_the_connection_by_their_own_codes(
        self, authenticated_user: TestUser
    ) -> None:
        async with self.connect(authenticated_user) as client:
            await client.send_bytes(b"\x00")
            await client.expect_close(1003)
        async with self.connect(authenticated_user) as client:
            await client.send_text(json.dumps({"type": "ping", "id": "x" * (1 << 20)}))
            await client.expect_close(1009)

    async def test_five_users_at_once_are_answered_by_the_isolation_drill_and_nothing_else(self) -> None:
        users = [await self.create_test_user(f"drill{n}@example.org") for n in range(5)]

        async def drilled(user: TestUser) -> tuple[str, WebSocketTestClient]:
            async with self.connect(user, patience=60) as client:
                await client.send_json(
                    {
                        "type": "execute_agent",
                        "agent": "triage_agent",
                        "message": "hold a drill",
                        "stress_ssot_isolation": True,
                    }
                )
                frame = await client.expect_error("isolation_drill")
                return frame["message"], client

        answers = await asyncio.gather(*map(drilled, users))
        for message, client in answers:
            assert "SSOT" in message
            assert "LEAKED" not in message
            assert message.count(": refused (") >= 15
            assert "use another user's thread: refused (isolation_violation)" in message
            assert not any('"accepted"' in text for text in client.received)
