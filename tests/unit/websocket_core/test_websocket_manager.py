"""A manager joins a session and an outbox under one user."""

from __future__ import annotations

import pytest

from netra_backend.app.websocket_core.websocket_manager_factory import WebSocketManagerFactory


async def test_a_manager_has_nothing_but_its_own() -> None:
    manager = await WebSocketManagerFactory().create_websocket_manager("user_123", "thread_456", "ws_456")
    assert (manager.user_id, manager.thread_id, manager.websocket_id) == ("user_123", "thread_456", "ws_456")
    assert manager.outbox.owner == manager.user_id
    with pytest.raises(AttributeError):
        manager.anything_else = 1  # type: ignore[attr-defined]  # slots
