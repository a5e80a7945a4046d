"""Routes every HTTP request to its endpoint, counts the answers, and answers what was raised with a problem."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ...config import Settings
from ...core.error_catalogue import CATALOGUE
from ...core.errors import LimitRefused, NetraError
from ...core.identity import Identity
from ...services.authentication import require_manager, require_scope
from .access_log import USER
from .client_address import address_of
from .endpoint import Endpoint
from .gate import Gate
from .page_files import page_routes, read_page
from .problems import ProblemReporter, problem_response
from .security_headers import SecurityHeaders

Serve = Callable[[Request], Awaitable[Response]]
RequestCounts = dict[tuple[str, int], int]
"""Answers by route (an endpoint's name, or the error where none was found) and status."""


class Router:
    """An ASGI application for HTTP: the endpoints, and the page. It counts its answers in ``requests``."""

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        *,
        settings: Settings,
        gate: Gate,
        problems: ProblemReporter,
        requests: RequestCounts,
    ) -> None:
        self._gate = gate
        self._problems = problems
        self._requests = requests
        routes = [*self._routes(endpoints), *page_routes(read_page(), partial(self._unfound, "no_route"))]
        routing = Starlette(routes=routes, exception_handlers={HTTPException: self._unrouted})
        # A redirect to the path with or without a slash would repeat the query, and so a ticket, to whatever host was named.
        routing.router.redirect_slashes = False
        self._application = SecurityHeaders(routing, settings)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._application(scope, receive, send)
        finally:
            await self._gate.ended(scope)

    def _routes(self, endpoints: Iterable[Endpoint]) -> list[Route]:
        by_path: dict[str, dict[str, Serve]] = {}
        counted: set[str] = set()
        for endpoint in endpoints:
            by_path.setdefault(endpoint.path, {})[endpoint.method] = self._serving(endpoint)
            if endpoint.is_counted:
                counted.add(endpoint.path)
        return [
            Route(
                path, _by_method(serves, self._over_budget if path in counted else None), methods=[*serves, "OPTIONS"]
            )
            for path, serves in by_path.items()
        ]

    def _serving(self, endpoint: Endpoint) -> Serve:
        async def serve(request: Request) -> Response:
            response = await self._answer(endpoint, request)
            if not isinstance(response, _NoAnswer):
                self._count(endpoint.name, response)
            return response

        return serve

    async def _answer(self, endpoint: Endpoint, request: Request) -> Response:
        identity: Identity | None = None
        self._gate.note_address(request)
        try:
            if endpoint.scope is None:
                if endpoint.is_counted:
                    self._gate.count_anonymous(request)
                return await endpoint.handler(request)
            identity = await self._gate.admit(request)
            request.scope[USER] = identity.user_id
            require_scope(identity, endpoint.scope, *endpoint.other_scopes)
            if endpoint.manages:
                require_manager(identity)
            return await endpoint.handler(self._gate.judged(request, identity), identity)
        except ClientDisconnect:
            return _NoAnswer()
        except Exception as error:
            told = endpoint.told or problem_response
            return told(self._problems.report(error, identity, address_of(request)))

    def _count(self, route: str, response: Response) -> None:
        key = route, response.status_code
        self._requests[key] = self._requests.get(key, 0) + 1

    async def _unrouted(self, request: Request, fault: Exception) -> Response:
        assert isinstance(fault, HTTPException)
        response = self._unfound("method_refused" if fault.status_code == 405 else "no_route", request)
        response.headers.update(fault.headers or {})
        return response

    def _unfound(self, kind: str, request: Request) -> Response:
        return self._over_budget(request, kind) or self._problem(kind, NetraError(CATALOGUE[kind].text, kind=kind))

    def _over_budget(self, request: Request, route: str = "options") -> Response | None:
        """Count what nobody is asked to sign in for against its address; the refusal if that has asked too much."""
        self._gate.note_address(request)
        try:
            self._gate.count_anonymous(request)
        except LimitRefused as refusal:
            return self._problem(route, refusal, address_of(request))
        return None

    def _problem(self, route: str, error: NetraError, address: str = "") -> Response:
        response = problem_response(self._problems.report(error, None, address))
        self._count(route, response)
        return response


class _NoAnswer(Response):
    """Who asked is gone amid the request: nobody is told anything."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        pass


def _by_method(serves: dict[str, Serve], refused: Callable[[Request], Response | None] | None) -> Serve:
    """One handler for all methods of a path. HEAD is GET without its body; OPTIONS lists the methods, or is ``refused``."""
    allowed = ", ".join(sorted({*serves, "OPTIONS", *(["HEAD"] if "GET" in serves else [])}))

    async def serve(request: Request) -> Response:
        if request.method == "OPTIONS":
            refusal = refused(request) if refused is not None else None
            return refusal or Response(status_code=204, headers={"Allow": allowed})
        return await serves["GET" if request.method == "HEAD" else request.method](request)

    return serve
