"""The HTTP side of one server: all doors, joined, behind the shell."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...core.errors import CATALOGUE, NetraError
from ...server.counts import totals
from ...server.housekeeping import Housekeeping, remove_leftovers
from ...server.rates import Rates
from ...server.runtime import Runtime
from ..api.admin import admin_endpoints
from ..api.approvals import approval_endpoints
from ..api.catalogue import catalogue_endpoints
from ..api.datasets import dataset_endpoints
from ..api.documents import document_endpoints
from ..api.identity import identity_endpoints
from ..api.operations import operation_endpoints
from ..api.runs import run_endpoints
from ..api.threads import thread_endpoints
from ..api.usage import usage_endpoints
from ..api.user_data import user_data_endpoints
from .anonymous_rate_limit import AnonymousRateLimit
from .endpoint import Endpoint
from .page_files import page_routes, read_page
from .security_headers import SecurityHeaders
from .support import problem_response, serving, told
from .transfers import Transfers

Serve = Callable[[Request], Awaitable[Response]]


class HttpSide:
    """An ASGI application for HTTP. ``doors`` are all there are; ``requests`` counts answers by door and status."""

    def __init__(self, runtime: Runtime) -> None:
        remove_leftovers(runtime.scratch)
        self.transfers = transfers = Transfers(runtime.quotas, runtime.settings.limits, runtime.clock)
        runtime.revocations.listen(transfers.end_user)
        self.requests: dict[tuple[str, int], int] = {}
        self._runtime = runtime
        self._strangers = AnonymousRateLimit()
        self._rates = Rates(lambda: totals(runtime))
        self._housekeeping = Housekeeping(runtime)
        self.doors: list[Endpoint] = [
            *operation_endpoints(runtime, self.requests),
            *document_endpoints(runtime.settings, lambda: self.doors),
            *identity_endpoints(runtime),
            *user_data_endpoints(runtime, transfers),
            *thread_endpoints(runtime),
            *run_endpoints(runtime),
            *catalogue_endpoints(runtime),
            *approval_endpoints(runtime),
            *dataset_endpoints(runtime, transfers),
            *usage_endpoints(runtime.ledger, transfers),
            *admin_endpoints(runtime, self._rates),
        ]
        routes = [*self._routes(), *page_routes(read_page(), lambda: self._problem("no_route"))]
        routing = Starlette(routes=routes, exception_handlers={HTTPException: self._unrouted})
        self._application = SecurityHeaders(routing, runtime.settings)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._application(scope, receive, send)

    def tick(self, now: float) -> None:
        """A second has passed."""
        self._rates.tick(now)
        self._housekeeping.tick(now)

    async def close(self) -> None:
        """End what goes on by itself."""
        await self._housekeeping.close()

    def _routes(self) -> list[Route]:
        by_path: dict[str, dict[str, Serve]] = {}
        for door in self.doors:
            by_path.setdefault(door.path, {})[door.method] = self._counting(door)
        return [Route(path, _by_method(serves), methods=[*serves, "OPTIONS"]) for path, serves in by_path.items()]

    def _counting(self, door: Endpoint) -> Serve:
        serve = serving(self._runtime, door, self._strangers)

        async def counted(request: Request) -> Response:
            response = await serve(request)
            self._count(door.name, response)
            return response

        return counted

    def _count(self, door: str, response: Response) -> None:
        key = door, response.status_code
        self.requests[key] = self.requests.get(key, 0) + 1

    async def _unrouted(self, _: Request, fault: Exception) -> Response:
        assert isinstance(fault, HTTPException)
        response = self._problem("method_refused" if fault.status_code == 405 else "no_route")
        response.headers.update(fault.headers or {})
        return response

    def _problem(self, kind: str) -> Response:
        response = problem_response(told(self._runtime, NetraError(CATALOGUE[kind].text, kind=kind)))
        self._count(kind, response)
        return response


def _by_method(serves: dict[str, Serve]) -> Serve:
    """One endpoint for all methods of a path. HEAD is GET without its body; OPTIONS tells the methods."""
    allowed = ", ".join(sorted({*serves, "OPTIONS", *(["HEAD"] if "GET" in serves else [])}))

    async def serve(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": allowed})
        return await serves["GET" if request.method == "HEAD" else request.method](request)

    return serve
