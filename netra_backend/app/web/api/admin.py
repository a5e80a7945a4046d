"""``/api/admin``: what an operator sees and does. Every endpoint needs the scope ``admin``, wherever the server listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core import validation
from ...core.identity import ADMIN, Identity
from ...core.limits import Limits
from ...ports import Clock
from ...runs.service import RunService
from ...services.audit_trail import AuditTrail
from ...services.revocations import Revocations
from ...websocket_core.connection import Connection
from ..http.client_address import address_of
from ..http.endpoint import Endpoint, json_response
from ..http.request_body import json_of

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


class LimitsInfo(msgspec.Struct, frozen=True):
    """The bounds of this server (times in s or ms as their names say), and what there is at this moment."""

    limits: dict[str, int | float]
    now: Mapping[str, int]


class RefusalsOfPoint(msgspec.Struct, frozen=True):
    """``guards`` is what holds as long as the point stands."""

    point: str
    guards: str
    count: int


class Refusals(msgspec.Struct, frozen=True):
    """Since the start, the most frequent first."""

    total: int
    refusals: list[RefusalsOfPoint]


class RatesInfo(msgspec.Struct, frozen=True):
    """``per_second`` has, for each total, the rate over the last 1, 10 and 60 s, as ``1s``, ``10s``, ``60s``."""

    per_second: Mapping[str, Mapping[str, float]]
    totals: Mapping[str, int]


class RevocationWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``token_id``: the ``jti`` of the one sign-in to revoke; without it all of the user are revoked."""

    token_id: str | None = None


class Revoked(msgspec.Struct, frozen=True):
    """Sign-ins made until ``until_ms`` count no more: all of the user, or the one whose token has this id."""

    revoked: str
    until_ms: int
    token_id: str | None = None


def admin_endpoints(
    *,
    connections: Iterable[Connection],
    runs: RunService,
    limits: Limits,
    audit_trail: AuditTrail,
    revocations: Revocations,
    clock: Clock,
    totals: Callable[[], Mapping[str, int]],
    gauges: Callable[[], Mapping[str, int]],
    rates: Callable[[], Mapping[str, Mapping[str, float]]],
) -> list[Endpoint]:
    """The endpoints of operators. ``totals`` and ``gauges`` return what the server counts, ``rates`` how often it happens."""

    async def list_connections(_: Request, __: Identity) -> Response:
        live = sorted((each for each in connections if each.is_live), key=lambda each: each.opened_ms)
        shown = [
            LiveConnection(each.connection_id, each.user_id, each.opened_ms, each.outbox.bytes)
            for each in live[:MOST_ROWS]
        ]
        return json_response(LiveConnections(len(live), shown))

    async def list_runs(_: Request, __: Identity) -> Response:
        live = sorted(runs.scheduler.all(), key=lambda each: each.run.created_ms)
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

    async def read_limits(_: Request, __: Identity) -> Response:
        return json_response(LimitsInfo(asdict(limits), gauges()))

    async def read_refusals(_: Request, __: Identity) -> Response:
        counts = sorted(audit_trail.refusals.items(), key=lambda item: (-item[1], item[0]))
        shown = [RefusalsOfPoint(point, validation.CATALOGUE[point].guards, count) for point, count in counts]
        return json_response(Refusals(sum(count for _, count in counts), shown))

    async def read_rates(_: Request, __: Identity) -> Response:
        return json_response(RatesInfo(rates(), totals()))

    async def revoke(request: Request, identity: Identity) -> Response:
        wanted = await json_of(request, RevocationWanted, limits, without=RevocationWanted())
        user_id, until_ms = request.path_params["user_id"], clock.now_ms()
        single: dict[str, str] = {}
        if wanted.token_id is None:
            await revocations.revoke(user_id, until_ms)
        else:
            await revocations.revoke_token(user_id, wanted.token_id, until_ms)
            single["sign_in"] = wanted.token_id
        audit_trail.happened(user_id, "revoked", address=address_of(request), by=identity.user_id, **single)
        return json_response(Revoked(user_id, until_ms, wanted.token_id))

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
        read("connections", "listConnections", "The live connections.", list_connections, LiveConnections),
        read("runs", "listRuns", "The runs in progress.", list_runs, LiveRuns),
        read("limits", "readLimits", "The limits of this server, and current use.", read_limits, LimitsInfo),
        read("refusals", "readRefusals", "Refusals by validation point, since the start.", read_refusals, Refusals),
        read("rates", "readRates", "How often things happen.", read_rates, RatesInfo),
        Endpoint(
            method="POST",
            path="/api/admin/users/{user_id}/revoke",
            name="revokeUser",
            about="End all sign-ins of a user: connections close, runs stop, and tokens issued until now stop working. "
            "With a token_id only that sign-in ends, and runs go on.",
            handler=revoke,
            body=RevocationWanted,
            body_required=False,
            answer=Revoked,
            scope=ADMIN,
            refusals=("invalid_context", "invalid_frame"),
        ),
    ]
