"""The doors of HTTP, joined."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .datasets_api import dataset_routes
from .http_support import json_response
from .identity_api import identity_routes
from .runtime import Runtime
from .threads_api import thread_routes


def http_application(runtime: Runtime) -> Starlette:
    """The HTTP side of one server."""

    async def health(_: Request) -> Response:
        return json_response({"status": "ok"})

    async def ready(_: Request) -> Response:
        parts = {"event_log": not runtime.log.failed, "accepting": not runtime.draining}
        told = {name: "ok" if holds else "down" for name, holds in parts.items()}
        return json_response(told, 200 if all(parts.values()) else 503)

    return Starlette(
        routes=[
            Route("/healthz", health),
            Route("/readyz", ready),
            *identity_routes(runtime),
            *thread_routes(runtime),
            *dataset_routes(runtime),
        ]
    )
