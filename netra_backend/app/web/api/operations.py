"""``/healthz``, ``/readyz`` and ``/metrics``: for what watches a server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...server.runtime import Runtime
from ...services.authentication import require_scope
from ..documents.metrics import CONTENT_TYPE, metrics_text
from ..http.endpoint import Endpoint
from ..http.support import admitted, json_response

SCOPE: Final = "metrics"
"""What a token needs that reads metrics from elsewhere; ``admin`` will do as well."""

_NOBODY: Final = "netra-readiness"
_PROBE_S: Final = 2.0
_LASTS_S: Final = 1.0
_FORWARDED: Final = ("forwarded", "x-forwarded-for")


class Health(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str


class Readiness(msgspec.Struct, frozen=True):
    """``status`` is ready or not_ready; ``parts`` tells ``ok`` or ``down`` of each dependency by name. ``bus`` and ``limits``,
    which several processes have, may be down while it is ready: it serves, only slower or counting for itself."""

    status: str
    parts: dict[str, str]


class Watch:
    """Looks at each dependency, at most once a second, whoever asks."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._seen: dict[str, str] = {}
        self._at = float("-inf")
        self._turn = asyncio.Lock()

    async def parts(self) -> dict[str, str]:
        """``ok`` or ``down`` for each dependency, and for whether new work is taken."""
        runtime = self._runtime
        async with self._turn:
            if runtime.clock.monotonic() - self._at >= _LASTS_S:
                self._seen = {
                    "event_log": "down" if runtime.log.failed else await _tried(lambda: runtime.log.run(_NOBODY)),
                    "usage_ledger": await _tried(lambda: runtime.ledger.datasets(_NOBODY)),
                    "audit_trail": await _tried(lambda: runtime.audit.rows(_NOBODY, 1)),
                }
                self._at = runtime.clock.monotonic()
        return {**self._seen, "accepting": "down" if runtime.draining else "ok"}

    def beside(self) -> dict[str, str]:
        """The same of what the server can do without."""
        return {name: "ok" if is_there() else "down" for name, is_there in self._runtime.beside.items()}


async def _tried(look: Callable[[], Awaitable[object]]) -> str:
    try:
        async with asyncio.timeout(_PROBE_S):
            await look()
    except Exception:  # whatever it is: the part cannot serve
        return "down"
    return "ok"


def operation_endpoints(runtime: Runtime, requests: Mapping[tuple[str, int], int]) -> list[Endpoint]:
    """The doors of operation. ``requests`` are HTTP requests by door and status."""
    watch = Watch(runtime)

    async def health(_: Request) -> Response:
        return json_response(Health("ok"))

    async def ready(_: Request) -> Response:
        parts = await watch.parts()
        holds = all(state == "ok" for state in parts.values())
        told = {**parts, **watch.beside()}
        if holds:
            return json_response(Readiness("ready", told))
        response = json_response(Readiness("not_ready", told), 503)
        response.headers["Retry-After"] = "1"
        return response

    async def metrics(request: Request) -> Response:
        if not _is_of_this_machine(runtime, request):
            identity = await admitted(runtime, request)
            require_scope(identity, "admin" if identity.is_admin else SCOPE)
        return Response(
            metrics_text(runtime, requests), 200, {"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE}
        )

    return [
        Endpoint(
            method="GET",
            path="/healthz",
            name="health",
            about="Whether the process answers.",
            handler=health,
            scope=None,
            answer=Health,
        ),
        Endpoint(
            method="GET",
            path="/readyz",
            name="readiness",
            about="Whether the server takes work, with each dependency by name; 503 where it does not.",
            handler=ready,
            scope=None,
            answer=Readiness,
            also=(503,),
        ),
        Endpoint(
            method="GET",
            path="/metrics",
            name="metrics",
            about=f"Counters and gauges for Prometheus. From elsewhere than this machine it needs the scope {SCOPE} or admin.",
            handler=metrics,
            scope=None,
            media=CONTENT_TYPE,
            refusals=("unauthenticated", "token_expired", "revoked", "forbidden", "origin_refused", "rate_limited"),
        ),
    ]


def _is_of_this_machine(runtime: Runtime, request: Request) -> bool:
    """Whether it came straight from this machine: a proxy on it that speaks for others says so in a header."""
    settings = runtime.settings
    is_forwarded = settings.public_url is not None or any(name in request.headers for name in _FORWARDED)
    return settings.is_loopback and not is_forwarded
