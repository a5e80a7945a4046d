"""``/api/admin``: what an operator sees and does. Every door needs the scope ``admin``, wherever the server listens."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core import validation
from ...core.identity import ADMIN, Identity
from ...server.counts import gauges, totals
from ...server.rates import Rates
from ...server.runtime import Runtime
from ..http.endpoint import Endpoint
from ..http.support import json_response

MOST_ROWS: Final = 1000


class LiveConnection(msgspec.Struct, frozen=True):
    connection_id: str
    user_id: str
    opened_ms: int
    queued_bytes: int


class LiveConnections(msgspec.Struct, frozen=True):
    """At most 1000, the oldest first; ``total`` counts all."""

    total: int
    connections: list[LiveConnection]


class LiveRun(msgspec.Struct, frozen=True):
    """``state`` is running, or queued behind another run of its thread."""

    run_id: str
    thread_id: str
    user_id: str
    agent: str
    created_ms: int
    state: str


class LiveRuns(msgspec.Struct, frozen=True):
    """At most 1000, the oldest first; ``total`` counts all."""

    total: int
    runs: list[LiveRun]


class LimitsTold(msgspec.Struct, frozen=True):
    """The bounds of this server (times in s or ms as their names say), and what there is at this moment."""

    limits: dict[str, int | float]
    now: dict[str, int]


class RefusalsOfPoint(msgspec.Struct, frozen=True):
    """``guards`` is what holds as long as the point stands."""

    point: str
    guards: str
    count: int


class Refusals(msgspec.Struct, frozen=True):
    """Since the start, the most frequent first."""

    total: int
    refusals: list[RefusalsOfPoint]


class RatesTold(msgspec.Struct, frozen=True):
    """``per_second`` has, for each total, the rate over the last 1, 10 and 60 s, as ``1s``, ``10s``, ``60s``."""

    per_second: dict[str, dict[str, float]]
    totals: dict[str, int]


class Revoked(msgspec.Struct, frozen=True):
    """Sign-ins made until ``until_ms`` count no more."""

    revoked: str
    until_ms: int


def admin_endpoints(runtime: Runtime, rates: Rates) -> list[Endpoint]:
    """The doors of operators."""

    async def connections(_: Request, __: Identity) -> Response:
        live = sorted((each for each in runtime.connections if each.is_live), key=lambda each: each.opened_ms)
        shown = [
            LiveConnection(each.connection_id, each.user_id, each.opened_ms, each.outbox.bytes)
            for each in live[:MOST_ROWS]
        ]
        return json_response(LiveConnections(len(live), shown))

    async def runs(_: Request, __: Identity) -> Response:
        live = sorted(runtime.turns.all(), key=lambda each: each.run.created_ms)
        shown = [
            LiveRun(
                each.run.run_id,
                each.run.head.thread_id,
                each.owner,
                each.run.agent,
                each.run.created_ms,
                "queued" if each.task is None else "running",
            )
            for each in live[:MOST_ROWS]
        ]
        return json_response(LiveRuns(len(live), shown))

    async def limits(_: Request, __: Identity) -> Response:
        return json_response(LimitsTold(asdict(runtime.settings.limits), gauges(runtime)))

    async def refusals(_: Request, __: Identity) -> Response:
        counts = sorted(runtime.audit_trail.refusals.items(), key=lambda item: (-item[1], item[0]))
        shown = [RefusalsOfPoint(point, validation.CATALOGUE[point].guards, count) for point, count in counts]
        return json_response(Refusals(sum(count for _, count in counts), shown))

    async def event_rates(_: Request, __: Identity) -> Response:
        return json_response(RatesTold(rates.per_second(), totals(runtime)))

    async def revoke(request: Request, identity: Identity) -> Response:
        user_id, until_ms = request.path_params["user_id"], runtime.clock.now_ms()
        await runtime.revocations.revoke(user_id, until_ms)
        runtime.audit_trail.happened(user_id, "revoked", by=identity.user_id)
        return json_response(Revoked(user_id, until_ms))

    def read(path: str, name: str, about: str, handler: Any, answer: Any) -> Endpoint:
        return Endpoint(
            method="GET",
            path=f"/api/admin/{path}",
            name=name,
            about=about,
            handler=handler,
            answer=answer,
            scope=ADMIN,
        )

    return [
        read("connections", "listConnections", "The live connections.", connections, LiveConnections),
        read("runs", "listRuns", "The runs that have not ended.", runs, LiveRuns),
        read("limits", "readLimits", "The bounds of this server, and what there is.", limits, LimitsTold),
        read("refusals", "readRefusals", "Refusals by validation point, since the start.", refusals, Refusals),
        read("rates", "readRates", "How often things happen.", event_rates, RatesTold),
        Endpoint(
            method="POST",
            path="/api/admin/users/{user_id}/revoke",
            name="revokeUser",
            about="End all sign-ins of a user: connections close, runs stop, tokens made until now count no more.",
            handler=revoke,
            answer=Revoked,
            scope=ADMIN,
            refusals=("invalid_context",),
        ),
    ]
