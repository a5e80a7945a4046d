"""uvicorn's configuration with what our protocols need besides."""

from __future__ import annotations

from typing import Any

import uvicorn

from ...core.limits import Limits
from .anonymous_connections import AnonymousConnections
from .reading_turns import ReadingTurns
from .request_turns import RequestTurns


class ServerConfig(uvicorn.Config):
    """``limits`` are those of the server; ``guests`` its connections without a sign-in (``None``: they are not counted);
    ``turns`` where requests wait that are too many at once (``None``: all begin at once); ``reading`` where its WebSockets
    wait that send much."""

    def __init__(
        self,
        app: Any,
        limits: Limits,
        guests: AnonymousConnections | None = None,
        turns: RequestTurns | None = None,
        **options: Any,
    ) -> None:
        super().__init__(app, **options)
        self.limits = limits
        self.guests = guests
        self.turns = turns
        self.reading = ReadingTurns()


def limits_of(config: uvicorn.Config) -> Limits:
    """The server's limits; the usual ones under a plain configuration of uvicorn."""
    return config.limits if isinstance(config, ServerConfig) else Limits()


def guests_of(config: uvicorn.Config) -> AnonymousConnections | None:
    """The server's connections without a sign-in, where they are counted."""
    return config.guests if isinstance(config, ServerConfig) else None


def turns_of(config: uvicorn.Config) -> RequestTurns | None:
    """The queue in which the server's requests wait for their turn, if they do."""
    return config.turns if isinstance(config, ServerConfig) else None


def reading_of(config: uvicorn.Config) -> ReadingTurns:
    """Where the server's WebSockets wait for their turn to be read; under a plain configuration each has one of its own."""
    return config.reading if isinstance(config, ServerConfig) else ReadingTurns()
