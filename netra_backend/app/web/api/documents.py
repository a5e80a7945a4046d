"""``/openapi.json``, ``/asyncapi.json`` and ``/errors``: what the server says about itself, made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ....distribution import version
from ...config import Settings
from ...core.error_catalogue import CATALOGUE
from ..documents.asyncapi import asyncapi
from ..documents.errors_page import POLICY, errors_page
from ..documents.openapi import openapi
from ..http.endpoint import HTML, Endpoint, json_response


def document_endpoints(settings: Settings, endpoints: Callable[[], Iterable[Endpoint]]) -> list[Endpoint]:
    """The endpoints of documents; ``endpoints`` returns all endpoints of the server, these among them."""
    at = settings.public_url

    @cache
    def http_described() -> dict[str, Any]:
        return openapi(endpoints(), version=version(), url=at or "/")

    @cache
    def frames_described() -> dict[str, Any]:
        here = at or f"http://{settings.host}:{settings.port}"
        return asyncapi(version=version(), url=here.replace("http", "ws", 1))

    async def http_document(_: Request) -> Response:
        return json_response(http_described())

    async def frames_document(_: Request) -> Response:
        return json_response(frames_described())

    async def errors(_: Request) -> Response:
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "max-age=300"}
        return Response(errors_page(CATALOGUE), 200, headers, HTML)

    def document(path: str, name: str, about: str, handler: Any, **more: Any) -> Endpoint:
        return Endpoint(method="GET", path=path, name=name, about=about, handler=handler, scope=None, **more)

    return [
        document("/openapi.json", "openapi", "This document.", http_document, answer=dict[str, Any]),
        document(
            "/asyncapi.json", "asyncapi", "The WebSocket's frames (AsyncAPI 3).", frames_document, answer=dict[str, Any]
        ),
        document("/errors", "errors", "Every error, as a page for people.", errors, media=HTML),
    ]
