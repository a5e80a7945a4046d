"""A manager is one connection's session and outbox, and is made in one place."""

from __future__ import annotations

import pytest

from netra_backend.app.core import validation
from netra_backend.app.core.errors import FactoryInitializationError
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.outbox import Outbox
from netra_backend.app.core.session import Session
from netra_backend.app.websocket_core.websocket_manager import SEAL, WebSocketManager

IDS = ("user_ada", "thr_1", "conn_1")


@pytest.mark.validation_point("manager_factory.only")
def test_nobody_makes_one_without_the_factory() -> None:
    with pytest.raises(FactoryInitializationError, match="only WebSocketManagerFactory creates") as refused:
        WebSocketManager(*IDS, Session(Limits(), 0.0), Outbox("user_ada", 10, 1.0))
    assert refused.value.point is validation.MANAGER_FACTORY_ONLY


def test_it_holds_what_it_was_made_of() -> None:
    session, outbox = Session(Limits(), 0.0), Outbox("user_ada", 10, 1.0)
    manager = WebSocketManager(*IDS, session, outbox, seal=SEAL)
    assert (manager.user_id, manager.thread_id, manager.websocket_id) == IDS
    assert (manager.session, manager.outbox) == (session, outbox)
