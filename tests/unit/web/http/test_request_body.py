"""Bodies are bounded in size and patience, and fit their endpoint."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from starlette.requests import Request

from netra_backend.app.core.errors import FrameRefused
from netra_backend.app.web.http.request_body import MAX_JSON_BYTES, json_of, parts_of


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    name: str


def sending(*parts: bytes, declared: str | None = None, ends: bool = True) -> Request:
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if ends:
        messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        if messages:
            return messages.pop(0)
        return await asyncio.get_running_loop().create_future()

    headers = [(b"content-length", declared.encode())] if declared is not None else []
    return Request({"type": "http", "headers": headers, "method": "POST"}, receive)


async def taken(request: Request, most: int = 10, idle_s: float = 5.0) -> bytes:
    return b"".join([part async for part in parts_of(request, most, idle_s)])


async def test_a_body_comes_in_its_parts() -> None:
    assert await taken(sending(b"abc", b"def", declared="6")) == b"abcdef"
    assert await taken(sending()) == b""


@pytest.mark.validation_point("http.body_size")
@pytest.mark.parametrize("request_", [sending(b"x", declared="11"), sending(b"x" * 6, b"x" * 5), sending(b"x" * 11)])
async def test_a_body_is_bounded_by_what_it_declares_and_by_what_comes(request_: Request) -> None:
    with pytest.raises(FrameRefused, match="the limit is 10 bytes") as refused:
        await taken(request_)
    assert refused.value.entry.id == "payload_too_large"


@pytest.mark.parametrize("declared", ["x", "-1", "9" * 30, ""])
async def test_a_declared_length_that_is_none_is_not_believed(declared: str) -> None:
    assert await taken(sending(b"abc", declared=declared)) == b"abc"


@pytest.mark.validation_point("http.body_idle")
async def test_a_body_that_stops_coming_is_given_up() -> None:
    with pytest.raises(FrameRefused, match="No data arrived for 0 seconds") as refused:
        await asyncio.wait_for(taken(sending(b"abc", ends=False), idle_s=0.0), 5)
    assert refused.value.entry.id == "too_slow"


async def test_json_is_taken_as_its_type() -> None:
    assert await json_of(sending(b'{"name":', b'"n"}'), Shape, 5.0) == Shape("n")


@pytest.mark.validation_point("http.body_json")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b"\xff", None),
        (b"[" * 10_000, None),
        (b'{"name": 1}', "name"),
        (b"{}", None),
        (b'{"name": "n", "more": 1}', None),
    ],
)
async def test_json_that_does_not_fit_is_refused_by_its_field(body: bytes, field: str | None) -> None:
    with pytest.raises(FrameRefused, match="The request body is not valid") as refused:
        await json_of(sending(body), Shape, 5.0)
    assert refused.value.field == field


@pytest.mark.validation_point("http.body_size")
async def test_json_is_bounded() -> None:
    with pytest.raises(FrameRefused) as refused:
        await json_of(sending(b" " * (MAX_JSON_BYTES + 1)), Shape, 5.0)
    assert refused.value.entry.id == "payload_too_large"
