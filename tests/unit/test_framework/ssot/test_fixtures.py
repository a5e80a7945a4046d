"""Contexts and stand-ins of the kit."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from netra_backend.app.core.errors import FactoryRefused
from netra_backend.app.services.user_execution_context import validate_user_context
from test_framework.ids import new_id
from test_framework.ssot.fixtures import (
    MockAgentRegistry,
    MockConnectionPool,
    MockWebSocketBridge,
    create_real_websocket_bridge,
    create_valid_user_execution_context,
    forge_user_execution_context,
)


@dataclass
class Connection:
    user_id: str
    is_live: bool = True


def test_a_valid_context_has_new_ids_and_takes_given_ones() -> None:
    one, two = create_valid_user_execution_context(), create_valid_user_execution_context(user_id="user_123")
    assert one != two
    assert two.user_id == "user_123"
    assert validate_user_context(one) is one


def test_a_forged_context_goes_round_the_constructor_with_just_what_is_given() -> None:
    forged = forge_user_execution_context(run_id="placeholder_1", audit_metadata=None)
    assert (forged.run_id, forged.audit_metadata, forged.connection_id) == ("placeholder_1", None, None)
    whole = forge_user_execution_context()
    assert validate_user_context(whole) is whole


def test_a_pool_without_a_socket_finds_nothing_and_with_one_finds_it() -> None:
    connection = Connection("user_123")
    assert MockConnectionPool().find("conn_1") is None
    assert MockConnectionPool(websocket=connection).find("conn_1") is connection
    assert MockAgentRegistry().names() == ()


async def test_a_bridge_stand_in_makes_real_emitters_and_says_whether_it_validates() -> None:
    bridge = MockWebSocketBridge()
    emitter = await bridge.create_user_emitter("user_123", "thread_456", None)
    assert emitter.user_id == "user_123"
    assert bridge._ssot_validation_enabled is True
    assert MockWebSocketBridge(ssot_compliant=False)._ssot_validation_enabled is False


async def test_a_real_bridge_has_a_real_and_empty_pool() -> None:
    bridge = await create_real_websocket_bridge()
    assert bridge.get_factory_metrics()["ssot_validation_status"] == "passed"
    with pytest.raises(FactoryRefused, match="No active WebSocket connection found"):
        await bridge.create_user_emitter(new_id("user"), new_id("thread"), new_id("conn"))
