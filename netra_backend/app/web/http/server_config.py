"""uvicorn's configuration with what our protocols need besides."""

from __future__ import annotations

from typing import Any

import uvicorn

from ...core.limits import Limits


class ServerConfig(uvicorn.Config):
    """``limits`` are those of the server."""

    def __init__(self, app: Any, limits: Limits, **options: Any) -> None:
        super().__init__(app, **options)
        self.limits = limits


def limits_of(config: uvicorn.Config) -> Limits:
    """The server's limits; the usual ones under a plain configuration of uvicorn."""
    return config.limits if isinstance(config, ServerConfig) else Limits()
