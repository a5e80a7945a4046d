"""The bridge makes no emitter unconfigured, for bad ids, on a sick server, or without a live socket of the very user."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from netra_backend.app.core import validation
from netra_backend.app.core.errors import FactoryRefused
from netra_backend.app.services.websocket_bridge_factory import WebSocketBridgeFactory
from test_framework.base_ssot_test import BaseSSotValidationTest
from test_framework.ssot.fixtures import MockAgentRegistry, MockConnectionPool

IDS = ("user_123", "thread_456", "conn_789")


@dataclass
class Connection:
    user_id: str = "user_123"
    is_live: bool = True


@dataclass
class Health:
    well: bool

    def healthy(self) -> bool:
        return self.well


def configured(connection: Connection | None, health: Health | None = None) -> WebSocketBridgeFactory:
    factory = WebSocketBridgeFactory()
    factory.configure(MockConnectionPool(websocket=connection), MockAgentRegistry(), health)
    return factory


class TestWebSocketBridgeFactorySSotValidation(BaseSSotValidationTest):
    @pytest.mark.validation_point("bridge.configured")
    async def test_an_unconfigured_factory_makes_no_emitter_and_says_what_to_call(self) -> None:
        factory = WebSocketBridgeFactory()
        seen = None
        try:
            await factory.create_user_emitter(*IDS)
        except RuntimeError as refusal:
            seen = str(refusal)
        assert seen == "Factory not configured - call configure() first"
        assert factory.get_factory_metrics()["ssot_validation_status"] == "not_configured"

    @pytest.mark.validation_point("bridge.connection")
    async def test_a_pool_without_a_real_socket_behind_it_gives_no_emitter(self) -> None:
        with pytest.raises(RuntimeError, match="No active WebSocket connection found") as refused:
            await configured(None).create_user_emitter(*IDS)
        assert isinstance(refused.value, FactoryRefused)
        assert refused.value.point is validation.BRIDGE_CONNECTION

    @pytest.mark.validation_point("bridge.connection")
    @pytest.mark.parametrize("connection", [Connection(is_live=False), Connection(user_id="user_999")])
    async def test_a_dead_connection_and_another_users_answer_as_one_that_does_not_exist(
        self, connection: Connection
    ) -> None:
        async def told(factory: WebSocketBridgeFactory) -> tuple[str, str | None, str]:
            with pytest.raises(FactoryRefused, match="No active WebSocket connection found") as refused:
                await factory.create_user_emitter(*IDS)
            return refused.value.message, refused.value.field, refused.value.hint

        assert await told(configured(connection)) == await told(configured(None))

    @pytest.mark.validation_point("bridge.ids")
    @pytest.mark.parametrize("position", range(3))
    async def test_a_bad_id_in_any_argument_gives_no_emitter(self, position: int) -> None:
        for bad in ("placeholder_1", "user@invalid#format", "", "registry_9"):
            ids = [bad if n == position else IDS[n] for n in range(3)]
            with pytest.raises(FactoryRefused, match="Factory SSOT validation failed"):
                await configured(Connection()).create_user_emitter(*ids)

    @pytest.mark.validation_point("bridge.health")
    async def test_an_unhealthy_server_takes_no_new_work(self) -> None:
        with pytest.raises(
            FactoryRefused, match="Factory SSOT validation failed: the server is not healthy"
        ) as refused:
            await configured(Connection(), Health(False)).create_user_emitter(*IDS)
        assert refused.value.entry.id == "dependency_unavailable"
        assert refused.value.retry_after_ms

    async def test_metrics_carry_the_validation_status_and_every_count(self) -> None:
        factory = configured(Connection(), Health(True))
        metrics = factory.get_factory_metrics()
        assert metrics["ssot_validation_status"] == "passed"
        assert set(metrics) == {
            "emitters_created",
            "emitters_active",
            "emitters_closed",
            "events_sent",
            "events_refused",
            "ssot_validation_status",
        }
        first = await factory.create_user_emitter(*IDS)
        await factory.create_user_emitter(IDS[0], IDS[1], None)
        first.close()
        first.close()
        with pytest.raises(RuntimeError):
            await factory.create_user_emitter("placeholder_1", *IDS[1:])
        metrics = factory.get_factory_metrics()
        assert (metrics["emitters_created"], metrics["emitters_active"], metrics["emitters_closed"]) == (2, 1, 1)
        assert metrics["ssot_validation_status"] == "failed: bridge.ids"
        await factory.cleanup()
        assert factory.get_factory_metrics()["emitters_active"] == 0

    async def test_an_emitter_is_bound_to_its_user_and_thread_at_birth(self) -> None:
        emitter = await configured(Connection()).create_user_emitter(*IDS)
        assert (emitter.user_id, emitter.thread_id, emitter.connection_id) == IDS

    def test_the_factory_complies(self) -> None:
        assert self.ssot_tester.validate_factory_ssot_compliance(WebSocketBridgeFactory()).is_valid
