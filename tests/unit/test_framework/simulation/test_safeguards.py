"""Safeguards are taken out only as long as asked. That each is missed: ``tests/simulation/test_missing_safeguards.py``."""

from __future__ import annotations

from contextlib import suppress

import pytest

from netra_backend.app.agents.supervisor import branches
from netra_backend.app.core.journal import Journal
from netra_backend.app.core.outbox import Outbox
from netra_backend.app.runs import recovery
from netra_backend.app.runs.accepted_requests import AcceptedRequests
from netra_backend.app.services.event_emitter import UserEventEmitter
from netra_backend.app.websocket_core.catch_up import CatchUp
from netra_backend.app.websocket_core.outgoing import Outgoing
from netra_backend.app.websocket_core.websocket_connection_pool import WebSocketConnectionPool
from test_framework.memory.event_log import MemoryEventLog
from test_framework.memory.store import MemoryStore
from test_framework.simulation.safeguards import SAFEGUARDS

OWNERS = (
    recovery,
    AcceptedRequests,
    CatchUp,
    Journal,
    Outgoing,
    MemoryEventLog,
    MemoryStore,
    Outbox,
    UserEventEmitter,
    WebSocketConnectionPool,
    branches,
)


def product() -> list[dict[str, object]]:
    return [dict(vars(owner)) for owner in OWNERS]


@pytest.mark.parametrize("name", SAFEGUARDS)
def test_a_safeguard_is_out_inside_and_back_afterwards_also_after_a_failure(name: str) -> None:
    whole = product()
    with SAFEGUARDS[name]():
        without = product()
    assert without != whole
    assert product() == whole
    with suppress(ZeroDivisionError), SAFEGUARDS[name]():
        raise ZeroDivisionError
    assert product() == whole


def test_every_safeguard_says_what_it_takes_out() -> None:
    assert all(taken_out.__doc__ for taken_out in SAFEGUARDS.values())
