"""The bridge counts what its emitters do, also after they are closed."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.core.errors import FactoryRefused
from netra_backend.app.core.events import AgentThinking
from netra_backend.app.core.history import RunRecord, ThreadHead
from netra_backend.app.services.websocket_bridge_factory import WebSocketBridgeFactory
from test_framework.ssot.fixtures import MockWebSocketBridge, create_real_websocket_bridge


def run_of(user_id: str, thread_id: str) -> RunRecord:
    return RunRecord(ThreadHead(user_id, thread_id, "epoch", 1), "run_1", "req_1", "agent", None, "UTC", 0)


async def test_refused_events_are_counted_while_the_emitter_is_open_and_after() -> None:
    bridge = await create_real_websocket_bridge()
    emitter = await bridge.create_user_emitter("user_123", "thread_456", None)
    emitter.bind(run_of("user_123", "thread_456"))
    with pytest.raises(FactoryRefused, match="Factory not configured"):
        emitter.emit(AgentThinking, text="into no log")
    assert bridge.get_factory_metrics()["events_refused"] == 1
    emitter.close()
    assert bridge.get_factory_metrics()["events_refused"] == 1
    assert bridge.get_factory_metrics()["events_sent"] == 0


async def test_repaired_events_are_counted_while_the_emitter_is_open_and_after(workshop: Any) -> None:
    bridge = workshop.bridge
    emitter = await bridge.create_user_emitter("user_ada", "thr_1", None)
    emitter.bind(
        RunRecord(workshop.log.create("user_ada", "thr_1", "e1", "", 0), "run_1", "req_1", "a", None, "UTC", 0)
    )
    emitter.emit(AgentThinking, text="whole")
    emitter.emit(AgentThinking, text="half of a pair: \ud800")
    assert bridge.events_repaired == 1
    emitter.close()
    assert bridge.events_repaired == 1


async def test_cleanup_closes_every_emitter_and_the_factory_goes_on() -> None:
    bridge: WebSocketBridgeFactory = MockWebSocketBridge()
    emitters = [await bridge.create_user_emitter("user_123", "thread_456", None) for _ in range(3)]
    await bridge.cleanup()
    assert all(emitter.is_closed for emitter in emitters)
    assert not (await bridge.create_user_emitter("user_123", "thread_456", None)).is_closed
    await bridge.cleanup()
