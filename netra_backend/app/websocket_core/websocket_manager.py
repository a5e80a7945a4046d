"""What one connection is, apart from its socket: a session, an outbox, and the user both belong to."""

from __future__ import annotations

from typing import Final

from ..core import validation
from ..core.errors import FactoryInitializationError
from ..core.outbox import Outbox
from ..core.session import Session

SEAL: Final = object()
"""What only the factory passes."""


class WebSocketManager:
    """Owns one connection's session and outbox. Made by ``WebSocketManagerFactory`` and by nothing else.

    Raises ``FactoryInitializationError`` when constructed directly.
    """

    __slots__ = ("outbox", "session", "thread_id", "user_id", "websocket_id")

    def __init__(
        self, user_id: str, thread_id: str, websocket_id: str, session: Session, outbox: Outbox, *, seal: object = None
    ) -> None:
        if seal is not SEAL:
            raise FactoryInitializationError(
                "Factory SSOT validation failed: only WebSocketManagerFactory creates a WebSocketManager",
                point=validation.MANAGER_FACTORY_ONLY,
            )
        self.user_id = user_id
        self.thread_id = thread_id
        self.websocket_id = websocket_id
        self.session = session
        self.outbox = outbox
