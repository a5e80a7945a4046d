"""The base of end-to-end tests and its fixtures."""

from __future__ import annotations

from typing import Any

from test_framework.base_e2e_test import BaseE2ETest
from test_framework.users import TestUser


class TestBase(BaseE2ETest):
    async def test_users_are_made_and_connect(self, real_services: dict[str, Any]) -> None:
        user = await self.create_test_user("someone@example.org")
        assert user.id != "someone@example.org"
        async with (
            self.connect(user) as client,
            self.websocket_client(real_services["websocket_url"], user.token) as two,
        ):
            assert client.welcome["user_id"] == two.welcome["user_id"] == user.id

    async def test_an_authenticated_user_is_ready(self, authenticated_user: TestUser) -> None:
        async with self.connect(authenticated_user) as client:
            assert client.welcome["user_id"] == authenticated_user.id
