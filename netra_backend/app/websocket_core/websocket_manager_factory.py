"""Makes the manager of every socket that the server accepts. There is no other way to one."""

from __future__ import annotations

from typing import Any

from ..core import validation
from ..core.errors import FactoryInitializationError, InvalidContextError
from ..core.ids import check_id
from ..core.limits import Limits
from ..core.outbox import Outbox
from ..core.session import Session
from ..ports import Clock
from .websocket_manager import SEAL, WebSocketManager

__all__ = ["FactoryInitializationError", "WebSocketManager", "WebSocketManagerFactory"]


class _Unmoving:
    """The clock of a factory that was not configured: its managers never see time pass."""

    def now_ms(self) -> int:
        return 0

    def monotonic(self) -> float:
        return 0.0


class WebSocketManagerFactory:
    """Managers for sockets. Validation has no switch: asking for one is refused."""

    _ssot_validation_enabled = True

    def __init__(self, enable_ssot_validation: bool = True) -> None:
        if enable_ssot_validation is not True:
            raise FactoryInitializationError(
                "WebSocket factory SSOT validation failed: validation cannot be switched off; leave the argument out",
                field="enable_ssot_validation",
                point=validation.MANAGER_FACTORY_SWITCH,
            )
        self._limits = Limits()
        self._clock: Clock = _Unmoving()
        self._drills_allowed = False
        self._created = 0
        self._refused = 0

    def configure(self, limits: Limits, clock: Clock, *, drills_allowed: bool = False) -> None:
        """The bounds and the clock of the sessions to be made."""
        self._limits = limits
        self._clock = clock
        self._drills_allowed = drills_allowed

    async def create_websocket_manager(self, user_id: str, thread_id: str, websocket_id: str) -> WebSocketManager:
        """The manager of one socket: ``websocket_id`` is its connection id, ``thread_id`` what its own audit rows are under.

        Raises ``FactoryInitializationError`` for an id that is a placeholder or malformed.
        """
        try:
            check_id("user_id", user_id)
            check_id("thread_id", thread_id)
            check_id("websocket_id", websocket_id)
        except InvalidContextError as fault:
            self._refused += 1
            raise FactoryInitializationError(
                f"WebSocket factory SSOT validation failed: {fault.message}",
                kind="invalid_context",
                field=fault.field,
                point=validation.MANAGER_FACTORY_IDS,
            ) from fault
        limits = self._limits
        session = Session(
            limits, self._clock.monotonic(), connection_id=websocket_id, drills_allowed=self._drills_allowed
        )
        outbox = Outbox(user_id, limits.outbox_bytes, limits.outbox_stall_s)
        self._created += 1
        return WebSocketManager(user_id, thread_id, websocket_id, session, outbox, seal=SEAL)

    def get_factory_metrics(self) -> dict[str, Any]:
        """Managers made and refused."""
        return {"managers_created": self._created, "managers_refused": self._refused}

    async def cleanup(self) -> None:
        """Nothing is held: a manager ends with its connection."""
