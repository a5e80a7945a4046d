"""The doors of HTTP."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .runtime import Runtime


def http_application(runtime: Runtime) -> Starlette:
    """The HTTP side of one server."""

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        parts = {"event_log": not runtime.log.failed, "draining": not runtime.draining}
        status = 200 if all(parts.values()) else 503
        return JSONResponse({name: "ok" if holds else "down" for name, holds in parts.items()}, status)

    return Starlette(routes=[Route("/healthz", health), Route("/readyz", ready)])
