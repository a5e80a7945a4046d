"""Around HTTP: careful headers on everything, and other origins exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from starlette.responses import Response

from netra_backend.app.config import Settings
from netra_backend.app.web.http.security_headers import SecurityHeaders

LISTED = "https://app.example.org"


async def inner(scope: Any, receive: Any, send: Any) -> None:
    headers = {"Content-Security-Policy": "default-src 'self'"} if scope["path"] == "/own" else {}
    await Response("inner", 200, headers)(scope, receive, send)


def http(origins: tuple[str, ...] = (), **headers: str) -> httpx.AsyncClient:
    shell = SecurityHeaders(inner, Settings(data_dir=Path("unused"), allowed_origins=origins))
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(cast("Any", shell)), base_url="http://netra.example", headers=headers
    )


async def test_every_answer_keeps_a_browser_careful() -> None:
    async with http() as client:
        answer = await client.get("/x")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


async def test_an_answer_may_have_a_policy_of_its_own() -> None:
    async with http() as client:
        answer = await client.get("/own")
    assert answer.headers.get_list("content-security-policy") == ["default-src 'self'"]


@pytest.mark.parametrize("origins", [(), (LISTED,)])
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://app.example.org.evil.example", "http://app.example.org", "null", "*"]
)
async def test_pages_of_other_origins_may_read_nothing(origins: tuple[str, ...], origin: str) -> None:
    async with http(origins, Origin=origin) as client:
        for answer in (
            await client.get("/x"),
            await client.options("/x", headers={"Access-Control-Request-Method": "DELETE"}),
        ):
            assert not [name for name in answer.headers if name.startswith("access-control-")]
            assert answer.text == "inner"


async def test_pages_of_a_listed_origin_may_read_and_ask_before_they_write() -> None:
    async with http((LISTED,), Origin=LISTED) as client:
        answer = await client.get("/x")
        assert answer.headers["access-control-allow-origin"] == LISTED
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers
        asked = await client.options("/x", headers={"Access-Control-Request-Method": "PATCH"})
        assert (asked.status_code, asked.text) == (204, "")
        assert "PATCH" in asked.headers["access-control-allow-methods"]
        assert "Authorization" in asked.headers["access-control-allow-headers"]
        assert (await client.options("/x")).text == "inner"


async def test_an_answer_that_differs_by_origin_says_so_to_caches() -> None:
    async with http((LISTED,)) as client:
        assert (await client.get("/x")).headers["vary"] == "Origin"
    async with http() as client:
        assert "vary" not in (await client.get("/x")).headers
