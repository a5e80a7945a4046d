"""The factory gives every manager the server's bounds and clock; what it refuses is in ``tests/unit/factories``."""

from __future__ import annotations

import pytest

from netra_backend.app.core.errors import FactoryInitializationError
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.session import Close, Handle
from netra_backend.app.websocket_core.websocket_manager_factory import WebSocketManagerFactory
from test_framework.clock import ManualClock

IDS = ("user_ada", "thr_1", "conn_1")
DRILL = '{"type":"execute_agent","agent":"a","message":"m","stress_ssot_isolation":true}'


async def test_sessions_and_outboxes_have_the_servers_bounds_and_clock() -> None:
    clock = ManualClock()
    clock.advance(s=100)
    factory = WebSocketManagerFactory()
    factory.configure(Limits(outbox_bytes=10, authentication_s=5.0), clock)
    manager = await factory.create_websocket_manager(*IDS)
    assert manager.outbox.put("user_ada", [b"x" * 10])
    assert not manager.outbox.put("user_ada", [b"x"])
    assert manager.session.tick(104.9, 0) == ()
    assert [type(effect) for effect in manager.session.tick(105.0, 0)][-1] is Close


@pytest.mark.parametrize("allowed", [True, False])
async def test_drills_run_only_where_they_are_allowed(allowed: bool) -> None:
    factory = WebSocketManagerFactory()
    factory.configure(Limits(), ManualClock(), drills_allowed=allowed)
    manager = await factory.create_websocket_manager(*IDS)
    manager.session.authenticated("user_ada", None)
    assert isinstance(manager.session.received(DRILL, 0.0, 0), Handle) is allowed


async def test_an_unconfigured_factory_makes_managers_for_which_no_time_passes() -> None:
    manager = await WebSocketManagerFactory().create_websocket_manager(*IDS)
    assert manager.session.tick(0.0, 0) == ()


@pytest.mark.validation_point("manager_factory.ids", "manager_factory.switch")
async def test_refusals_are_counted() -> None:
    factory = WebSocketManagerFactory()
    with pytest.raises(FactoryInitializationError, match="SSOT validation failed"):
        await factory.create_websocket_manager("placeholder_user", *IDS[1:])
    assert factory.get_factory_metrics() == {"managers_created": 0, "managers_refused": 1}
    with pytest.raises(FactoryInitializationError, match="cannot be switched off"):
        WebSocketManagerFactory(enable_ssot_validation=False)
