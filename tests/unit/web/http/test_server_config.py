"""What our protocols learn from uvicorn's configuration."""

from __future__ import annotations

import uvicorn

from netra_backend.app.core.limits import Limits
from netra_backend.app.web.http.anonymous_connections import AnonymousConnections
from netra_backend.app.web.http.server_config import ServerConfig, guests_of, limits_of


async def application(scope: object, receive: object, send: object) -> None:
    """Does nothing."""


def test_limits_and_strangers_are_those_of_the_server() -> None:
    limits = Limits(frame_bytes=2_048)
    guests = AnonymousConnections(limits, 10)
    config = ServerConfig(application, limits, guests, log_config=None)
    assert (limits_of(config), guests_of(config)) == (limits, guests)


def test_under_a_plain_configuration_limits_are_the_usual_ones_and_nobody_is_counted() -> None:
    config = uvicorn.Config(application, log_config=None)
    assert (limits_of(config), guests_of(config)) == (Limits(), None)
