"""``/healthz``, ``/readyz`` and ``/metrics``: for what watches a server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...config import Settings
from ...core.identity import ADMIN, METRICS
from ...core.limits import USUAL
from ...core.settings_values import is_loopback
from ...ports import Audit, Clock, EventLog, Ledger
from ...services.audit_trail import AuditTrail
from ...services.authentication import require_scope
from ..documents.metrics import CONTENT_TYPE
from ..http.endpoint import Endpoint, json_response
from ..http.gate import Gate
from ..http.request_turns import HEALTH, READINESS

_NOBODY: Final = "netra-readiness"
_FORWARDED: Final = ("forwarded", "x-forwarded-for")


class Health(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str


class Readiness(msgspec.Struct, frozen=True):
    """``status`` is ready or not_ready; ``parts`` tells ``ok`` or ``down`` of each dependency by name. ``bus`` and ``limits``,
    which several processes have, may be down while it is ready: it serves, only slower or counting for itself.
    ``audit`` is whether the audit trail's chain stands and rows can be written."""

    status: str
    parts: dict[str, str]


class ReadinessProbe:
    """Polls each dependency, all at once and never more often than every ``lasts_s`` seconds, however many ask. One that does not
    answer ``within_s`` is down."""

    def __init__(
        self,
        *,
        log: EventLog,
        ledger: Ledger,
        audit: Audit,
        audit_trail: AuditTrail,
        clock: Clock,
        is_draining: Callable[[], bool],
        optional_dependencies: Mapping[str, Callable[[], bool]],
        lasts_s: float = 1.0,
        within_s: float = USUAL.probe_s,
    ) -> None:
        self._log = log
        self._ledger = ledger
        self._audit = audit
        self._audit_trail = audit_trail
        self._clock = clock
        self._is_draining = is_draining
        self._optional = optional_dependencies
        self._seen: dict[str, str] = {}
        self._at = float("-inf")
        self._lasts_s = lasts_s
        self._within_s = within_s
        self._polling: asyncio.Task[None] | None = None

    async def parts(self) -> dict[str, str]:
        """``ok`` or ``down`` for each dependency, and for whether new work is taken."""
        if self._clock.monotonic() - self._at >= self._lasts_s:
            if self._polling is None:
                self._polling = asyncio.get_running_loop().create_task(self._poll())
            await asyncio.shield(self._polling)
        failed = {"event_log": "down"} if self._log.failed else {}
        return {**self._seen, **failed, "accepting": "down" if self._is_draining() else "ok"}

    async def _poll(self) -> None:
        try:
            states = await asyncio.gather(
                _tried(lambda: self._log.run(_NOBODY), self._within_s),
                _tried(lambda: self._ledger.datasets(_NOBODY), self._within_s),
                _tried(lambda: self._audit.rows(_NOBODY, 1), self._within_s),
            )
            self._seen = dict(zip(("event_log", "usage_ledger", "audit_trail"), states, strict=True))
            self._seen["audit"] = "down" if self._audit_trail.state else "ok"
            self._at = self._clock.monotonic()
        finally:
            self._polling = None

    def optional_dependencies(self) -> dict[str, str]:
        """``ok`` or ``down`` for each dependency that the server can do without."""
        return {name: "ok" if is_up() else "down" for name, is_up in self._optional.items()}


async def _tried(probe: Callable[[], Awaitable[object]], within_s: float) -> str:
    try:
        async with asyncio.timeout(within_s):
            await probe()
    except Exception:  # whatever it is: the part cannot serve
        return "down"
    return "ok"


def operation_endpoints(
    *, settings: Settings, gate: Gate, probe: ReadinessProbe, metrics_text: Callable[[], bytes]
) -> list[Endpoint]:
    """The endpoints of operation."""

    async def health(_: Request) -> Response:
        return json_response(Health("ok"))

    async def ready(_: Request) -> Response:
        parts = await probe.parts()
        holds = all(state == "ok" for state in parts.values())
        parts |= probe.optional_dependencies()
        if holds:
            return json_response(Readiness("ready", parts))
        response = json_response(Readiness("not_ready", parts), 503)
        response.headers["Retry-After"] = "1"
        return response

    async def metrics(request: Request) -> Response:
        if not _is_of_this_machine(settings, request):
            identity = await gate.identify(request)
            require_scope(identity, METRICS, ADMIN)
        return Response(metrics_text(), 200, {"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE})

    return [
        Endpoint(
            method="GET",
            path=HEALTH,
            name="health",
            about="Whether the process responds.",
            handler=health,
            scope=None,
            answer=Health,
            is_counted=False,
        ),
        Endpoint(
            method="GET",
            path=READINESS,
            name="readiness",
            about="Whether the server accepts work, with each dependency by name; 503 if it does not.",
            handler=ready,
            scope=None,
            answer=Readiness,
            also=(503,),
            is_counted=False,
        ),
        Endpoint(
            method="GET",
            path="/metrics",
            name="metrics",
            about=f"Counters and gauges for Prometheus. From other machines it needs the scope {METRICS} or {ADMIN}.",
            handler=metrics,
            scope=None,
            media=CONTENT_TYPE,
            refusals=(
                "unauthenticated",
                "token_not_yet_valid",
                "token_expired",
                "revoked",
                "forbidden",
                "origin_refused",
                "rate_limited",
            ),
        ),
    ]


def _is_of_this_machine(settings: Settings, request: Request) -> bool:
    """Whether it came straight from this machine: a proxy on it that speaks for others says so in a header."""
    is_forwarded = settings.public_url is not None or any(name in request.headers for name in _FORWARDED)
    # A page whose name was made to point here reaches the loopback, too, and names its own host.
    is_named = is_loopback(urlsplit(f"//{request.headers.get('host', '')}").hostname or "")
    return settings.is_loopback and not is_forwarded and is_named
