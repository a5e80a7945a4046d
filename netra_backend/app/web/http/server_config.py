"""uvicorn's configuration with what our protocols need besides."""

from __future__ import annotations

from typing import Any

import uvicorn

from ...core.limits import Limits
from .anonymous_connections import AnonymousConnections


class ServerConfig(uvicorn.Config):
    """``limits`` are those of the server; ``guests`` its connections without a sign-in (``None``: they are not counted)."""

    def __init__(self, app: Any, limits: Limits, guests: AnonymousConnections | None = None, **options: Any) -> None:
        super().__init__(app, **options)
        self.limits = limits
        self.guests = guests


def limits_of(config: uvicorn.Config) -> Limits:
    """The server's limits; the usual ones under a plain configuration of uvicorn."""
    return config.limits if isinstance(config, ServerConfig) else Limits()


def guests_of(config: uvicorn.Config) -> AnonymousConnections | None:
    """The server's connections without a sign-in, where they are counted."""
    return config.guests if isinstance(config, ServerConfig) else None
