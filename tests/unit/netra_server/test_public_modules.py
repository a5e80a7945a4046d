"""The public modules give what they promise, and it is documented."""

from __future__ import annotations

import inspect

import pytest

import netra_server.client
import netra_server.testing
from netra_backend.app.core.events import TERMINAL, AnyEvent

PROMISED = {
    netra_server.client: {
        "NetraClient",
        "ClientError",
        "Refused",
        "Closed",
        "ErrorFrame",
        "Accepted",
        "AnyEvent",
        "TERMINAL",
    },
    netra_server.testing: {
        "running",
        "connected_user",
        "forge_user_execution_context",
        "audit_factory",
        "postgres",
        "redis",
    },
}


@pytest.mark.parametrize("module", PROMISED, ids=lambda module: module.__name__)
def test_what_is_promised_is_there_and_says_what_it_is(module: object) -> None:
    names = set(module.__all__)  # type: ignore[attr-defined]
    assert names >= PROMISED[module]  # type: ignore[index]
    found = {name: getattr(module, name) for name in names}
    assert [name for name, each in found.items() if callable(each) and not inspect.getdoc(each)] == []


def test_the_client_has_every_event_that_it_gives() -> None:
    for kind in (*AnyEvent.__args__, *TERMINAL):
        assert getattr(netra_server.client, kind.__name__) is kind
