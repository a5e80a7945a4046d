"""The requests of an authorization: judged, bounded, one at a time."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from netra_backend.app.adapters.mcp.authorization_http import AuthorizationHttp
from netra_backend.app.adapters.outbound.destinations import Destinations
from netra_backend.app.core.errors import DependencyUnavailable, EgressRefused
from netra_backend.app.core.limits import USUAL
from tests.mcp_servers import served

LIMITS = replace(USUAL, mcp_open_s=2.0, mcp_answer_bytes=4_096)


def http(*networks: str) -> AuthorizationHttp:
    return AuthorizationHttp("user_ada", Destinations(tuple(map(ip_network, networks))), LIMITS)


async def test_a_request_arrives_whole_and_its_answer_is_bounded_and_not_followed() -> None:
    seen: list[Any] = []

    async def echo(request: Request) -> Response:
        seen.append((request.method, request.headers["x-one"], request.headers["user-agent"], await request.body()))
        return Response(b"x" * int(request.query_params["n"]), 201, {"X-Two": "2"})

    async def away(_: Request) -> Response:
        return RedirectResponse("https://evil.invalid/")

    app = Starlette(routes=[Route("/", echo, methods=["POST"]), Route("/away", away)])
    async with served(app) as origin:
        answer = await http("127.0.0.0/8").send("POST", f"{origin}/?n=3", {"X-One": "1"}, b"body")
        assert (answer.status_code, answer.headers["x-two"], answer.content) == (201, "2", b"xxx")
        method, one, agent, body = seen[0]
        assert (method, one, body, agent.split("/")[0]) == ("POST", "1", b"body", "netra-server")
        with pytest.raises(DependencyUnavailable, match="more than"):
            await http("127.0.0.0/8").send("POST", f"{origin}/?n=5000", {"X-One": "1"}, b"")
        head = await http("127.0.0.0/8").send("POST", f"{origin}/?n=5000", {"X-One": "1"}, b"", wants_body=False)
        assert (head.status_code, head.content) == (201, b"")
        assert (await http("127.0.0.0/8").send("GET", f"{origin}/away", {}, b"")).status_code == 307


async def test_an_address_inside_is_not_reached() -> None:
    with pytest.raises(EgressRefused):
        await http().send("GET", "https://127.0.0.1/", {}, b"")
    with pytest.raises(DependencyUnavailable):
        await http("127.0.0.0/8").send("GET", "http://127.0.0.1:1/", {}, b"")
