"""Managers and emitters of a whole server: none comes into being under a bad id or without a real connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from netra_backend.app.core.errors import FactoryRefused
from netra_backend.app.server.runtime import Runtime
from netra_backend.app.websocket_core.websocket_manager_factory import FactoryInitializationError
from test_framework.base_integration_test import BaseIntegrationTest
from test_framework.ids import new_id
from test_framework.local_runtime import connected_user, running


class TestWebSocketFactoryInitializationSSotFailures(BaseIntegrationTest):
    runtime: Runtime

    @pytest_asyncio.fixture(autouse=True)
    async def server(self, tmp_path: Path) -> AsyncIterator[None]:
        async with running(tmp_path / "data") as self.runtime:
            yield

    @pytest.mark.validation_point("manager_factory.ids")
    @pytest.mark.parametrize("position", range(3), ids=["user_id", "thread_id", "websocket_id"])
    async def test_the_servers_own_factory_makes_no_manager_under_a_bad_id(self, position: int) -> None:
        for bad in ("placeholder_123", "user@invalid#format", ""):
            ids = [new_id("user"), new_id("thread"), new_id("conn")]
            ids[position] = bad
            with pytest.raises(FactoryInitializationError, match="WebSocket factory SSOT validation failed"):
                await self.runtime.managers.create_websocket_manager(*ids)

    async def test_every_connection_has_its_manager_from_the_factory(self) -> None:
        made = self.runtime.managers.get_factory_metrics()["managers_created"]
        async with (
            connected_user(self.runtime, new_id("user")) as one,
            connected_user(self.runtime, new_id("user")) as two,
        ):
            assert one.connection.session is not two.connection.session
            assert one.connection.outbox.owner == one.user_id
        assert self.runtime.managers.get_factory_metrics()["managers_created"] == made + 2

    @pytest.mark.validation_point("bridge.connection")
    async def test_no_emitter_is_made_without_a_real_connection(self) -> None:
        with pytest.raises(FactoryRefused, match="No active WebSocket connection found"):
            await self.runtime.bridge.create_user_emitter(new_id("user"), new_id("thread"), new_id("conn"))
        assert self.runtime.bridge.get_factory_metrics()["ssot_validation_status"] == "failed: bridge.connection"

    @pytest.mark.validation_point("bridge.connection")
    async def test_no_emitter_is_made_for_another_users_connection_or_one_that_is_gone(self) -> None:
        async with connected_user(self.runtime, new_id("user")) as user:
            connection_id = user.connection.connection_id
            emitter = await self.runtime.bridge.create_user_emitter(user.user_id, new_id("thread"), connection_id)
            assert emitter.connection_id == connection_id
            with pytest.raises(FactoryRefused, match="No active WebSocket connection found"):
                await self.runtime.bridge.create_user_emitter(new_id("user"), new_id("thread"), connection_id)
        with pytest.raises(FactoryRefused, match="No active WebSocket connection found"):
            await self.runtime.bridge.create_user_emitter(user.user_id, new_id("thread"), connection_id)
