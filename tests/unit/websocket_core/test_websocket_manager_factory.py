"""Managers of a factory that was configured, and of one that was not."""

from __future__ import annotations

from netra_backend.app.core.limits import Limits
from netra_backend.app.core.session import Close
from netra_backend.app.websocket_core.websocket_manager_factory import WebSocketManagerFactory
from test_framework.playbook import play


class Clock:
    def now_ms(self) -> int:
        return 100_000

    def monotonic(self) -> float:
        return 100.0


async def test_a_session_begins_when_the_configured_clock_says() -> None:
    factory = WebSocketManagerFactory()
    factory.configure(Limits(authentication_s=5.0), Clock())
    manager = await factory.create_websocket_manager("user_123", "thread_456", "ws_456")
    assert play(lambda now: manager.session.tick(now, 0), [104.9]) == []
    assert [type(effect) for effect in play(lambda now: manager.session.tick(now, 0), [105.0])][-1] is Close


async def test_a_factory_that_was_not_configured_sees_no_time_pass() -> None:
    factory = WebSocketManagerFactory()
    manager = await factory.create_websocket_manager("user_123", "thread_456", "ws_456")
    assert (factory._clock.now_ms(), factory._clock.monotonic()) == (0, 0.0)
    assert manager.session.tick(0.0, 0) == ()
