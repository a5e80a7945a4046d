"""What the server says about itself is valid, whole, and made of what serves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netra_backend.app.core.error_catalogue import CATALOGUE
from netra_backend.distribution import version
from test_framework.served import Serve, Served

PAGE = Path(__file__).resolve().parents[4] / "docs" / "http.md"
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_openapi_is_valid_and_tells_every_door(served: Served) -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator

    async with served.http(None) as http:
        document = (await http.get("/openapi.json")).json()
    OpenAPIV31SpecValidator(document).validate()
    told = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert told == {(endpoint.method, endpoint.path) for endpoint in served.http_application.endpoints}


async def test_asyncapi_is_served_for_the_address_that_clients_use(serve_with: Serve) -> None:
    async with serve_with(public_url="https://chat.example.org/netra") as served, served.http(None) as http:
        document = (await http.get("/asyncapi.json")).json()
        assert (await http.get("/openapi.json")).json()["servers"] == [{"url": "https://chat.example.org/netra"}]
    here = document["servers"]["here"]
    assert (here["protocol"], here["host"], here["pathname"]) == ("wss", "chat.example.org", "/netra")


async def test_both_documents_say_the_version_of_the_distribution(served: Served) -> None:
    async with served.http(None) as http:
        told = [(await http.get(path)).json()["info"]["version"] for path in ("/openapi.json", "/asyncapi.json")]
    assert told == [version(), version()]


async def test_the_page_of_http_tells_every_endpoint_and_no_other(served: Served) -> None:
    told = set(re.findall(r"^\| `([A-Z]+ /\S*)` \| (\S+) \| (.*) \|$", PAGE.read_text(), re.MULTILINE))
    endpoints = served.http_application.endpoints
    assert told == {
        (f"{endpoint.method} {endpoint.path}", endpoint.scope or "–", endpoint.about) for endpoint in endpoints
    }


async def test_the_page_of_errors_has_every_error_where_problems_point_at(served: Served) -> None:
    async with served.http(None) as http:
        page = await http.get("/errors")
        problem = (await http.get("/api/me")).json()
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "style-src 'sha256-" in page.headers["content-security-policy"]
    assert all(f'id="{error}"' in page.text for error in CATALOGUE)
    assert problem["type"] == f"/errors#{problem['error']}"
