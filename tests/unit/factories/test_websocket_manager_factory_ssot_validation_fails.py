"""No socket gets a manager under a bad id, around the factory, or with validation switched off."""

from __future__ import annotations

import pytest

from netra_backend.app.core import validation
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.outbox import Outbox
from netra_backend.app.core.session import Session
from netra_backend.app.websocket_core.websocket_manager_factory import (
    FactoryInitializationError,
    WebSocketManager,
    WebSocketManagerFactory,
)
from test_framework.base_ssot_test import BaseSSotValidationTest
from test_framework.ssot.ssot_validation_helpers import assert_ssot_validation_failure

IDS = ("user_123", "thread_456", "ws_456")
NAMES = ("user_id", "thread_id", "websocket_id")
BAD = [*(f"{word}1" for word in BaseSSotValidationTest.ssot_tester.FORBIDDEN_PLACEHOLDER_PATTERNS)]
BAD += ["user@invalid#format", "", "a b", "{user_id}", "0" * 32]


class StoppedClock:
    def now_ms(self) -> int:
        return 5000

    def monotonic(self) -> float:
        return 5.0


class TestWebSocketManagerFactorySSotValidation(BaseSSotValidationTest):
    @pytest.mark.validation_point("manager_factory.ids")
    @pytest.mark.parametrize("position", range(3), ids=NAMES)
    async def test_a_forbidden_id_in_any_argument_gives_no_manager(self, position: int) -> None:
        for bad in BAD:
            ids = [bad if n == position else IDS[n] for n in range(3)]
            with pytest.raises(FactoryInitializationError, match=r"SSOT.*validation.*failed") as refused:
                await WebSocketManagerFactory().create_websocket_manager(*ids)
            assert "WebSocket factory SSOT validation failed" in str(refused.value)
            assert refused.value.field == NAMES[position]

    @pytest.mark.validation_point("manager_factory.ids")
    @pytest.mark.parametrize("bad", [None, 7, b"user_123"])
    @assert_ssot_validation_failure("WebSocket factory SSOT validation failed")
    async def test_what_is_no_string_gives_no_manager(self, bad: object) -> None:
        await WebSocketManagerFactory().create_websocket_manager(bad, *IDS[1:])  # type: ignore[arg-type]  # wrong on purpose

    @pytest.mark.validation_point("manager_factory.switch")
    @pytest.mark.parametrize("off", [False, None, 0, "no"])
    def test_validation_cannot_be_switched_off(self, off: object) -> None:
        with pytest.raises(FactoryInitializationError, match="validation cannot be switched off") as refused:
            WebSocketManagerFactory(enable_ssot_validation=off)  # type: ignore[arg-type]  # wrong on purpose
        assert refused.value.point is validation.MANAGER_FACTORY_SWITCH

    @pytest.mark.validation_point("manager_factory.only")
    @pytest.mark.parametrize("seal", [None, object(), True])
    def test_a_manager_is_made_by_the_factory_only(self, seal: object) -> None:
        with pytest.raises(FactoryInitializationError, match="only WebSocketManagerFactory creates"):
            WebSocketManager(*IDS, Session(Limits(), 0.0), Outbox("user_123", 10, 1.0), seal=seal)

    async def test_a_manager_owns_a_session_and_an_outbox_of_its_user(self) -> None:
        factory = WebSocketManagerFactory(enable_ssot_validation=True)
        factory.configure(Limits(), StoppedClock(), drills_allowed=True)
        one = await factory.create_websocket_manager(*IDS)
        two = await factory.create_websocket_manager("user_124", *IDS[1:])
        assert (one.user_id, one.thread_id, one.websocket_id) == IDS
        assert (one.outbox.owner, two.outbox.owner) == ("user_123", "user_124")
        assert one.session is not two.session
        assert factory.get_factory_metrics() == {"managers_created": 2, "managers_refused": 0}

    def test_a_factory_that_was_not_configured_has_a_clock_that_stands_still(self) -> None:
        clock = WebSocketManagerFactory()._clock
        assert (clock.now_ms(), clock.monotonic()) == (0, 0.0)

    async def test_metrics_count_what_was_refused(self) -> None:
        factory = WebSocketManagerFactory()
        await factory.create_websocket_manager(*IDS)
        with pytest.raises(FactoryInitializationError):
            await factory.create_websocket_manager("mock_user", *IDS[1:])
        await factory.cleanup()
        assert factory.get_factory_metrics() == {"managers_created": 1, "managers_refused": 1}

    def test_the_factory_complies(self) -> None:
        assert self.ssot_tester.validate_factory_ssot_compliance(WebSocketManagerFactory()).is_valid
