"""What factories made within a test is closed after it."""

from __future__ import annotations

from netra_backend.app.services.websocket_bridge_factory import WebSocketBridgeFactory
from test_framework.ids import new_id
from test_framework.opened_objects import closing_what_factories_make
from test_framework.ssot.fixtures import MockWebSocketBridge


async def test_what_a_factory_made_is_closed_and_the_factory_is_as_before() -> None:
    before = WebSocketBridgeFactory.create_user_emitter
    bridge = MockWebSocketBridge()
    async with closing_what_factories_make():
        one = await bridge.create_user_emitter(new_id("user"), new_id("thread"), None)
        two = await bridge.create_user_emitter(new_id("user"), new_id("thread"), None)
        one.close()
        assert not two.is_closed
    assert two.is_closed
    assert WebSocketBridgeFactory.create_user_emitter is before
