"""Bodies are bounded in size and patience, and fit their endpoint."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from starlette.requests import Request

from netra_backend.app.core.errors import FrameRefused
from netra_backend.app.core.limits import Limits
from netra_backend.app.web.http.request_body import json_of, parts_of


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


LIMITS = Limits(body_idle_s=5.0)


async def taken(request: Request, limits: Limits = LIMITS, most: int = 10, within_s: float = 5.0) -> bytes:
    return b"".join([part async for part in parts_of(request, limits, most, within_s)])


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
        await asyncio.wait_for(taken(sending(b"abc", ends=False), Limits(body_idle_s=0.0)), 5)
    assert refused.value.entry.id == "too_slow"


async def test_json_is_taken_as_its_type() -> None:
    assert await json_of(sending(b'{"name":', b'"n"}'), Shape, LIMITS) == Shape("n")


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
        await json_of(sending(body), Shape, LIMITS)
    assert refused.value.field == field


@pytest.mark.validation_point("http.body_size")
async def test_json_is_bounded() -> None:
    with pytest.raises(FrameRefused) as refused:
        await json_of(sending(b" " * (LIMITS.json_bytes + 1)), Shape, LIMITS)
    assert refused.value.entry.id == "payload_too_large"


class Drip:
    """A body of such parts, single bytes if none is named, each some seconds of the loop's time after the one before."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count: int, seconds: float = 1.0, *parts: bytes) -> None:
        self.now, self.seconds, self.left, self.parts = 1000.0, seconds, count, list(parts)
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.now, raising=False)

    async def receive(self) -> Any:
        self.now += self.seconds
        self.left -= 1
        part = self.parts.pop(0) if self.parts else b"x"
        return {"type": "http.request", "body": part, "more_body": self.left > 0}

    def request(self) -> Request:
        return Request({"type": "http", "headers": [], "method": "POST"}, self.receive)


SLOW = Limits(body_rate=2.0, body_grace_s=3.0, body_idle_s=1000.0)


@pytest.mark.validation_point("http.body_rate")
async def test_a_body_that_drips_is_given_up_after_its_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    drip = Drip(monkeypatch, 100)
    with pytest.raises(FrameRefused, match="the least is 2 bytes a second") as refused:
        await taken(drip.request(), SLOW, 1000, 1000.0)
    assert (refused.value.entry.id, 100 - drip.left) == ("too_slow", 4)


async def test_a_body_that_keeps_up_its_rate_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(await taken(Drip(monkeypatch, 100, 0.5).request(), SLOW, 1000, 1000.0)) == 100


@pytest.mark.validation_point("http.body_rate")
async def test_what_comes_at_once_pays_for_one_longest_pause_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(body_rate=2.0, body_grace_s=3.0, body_idle_s=20.0)
    drip = Drip(monkeypatch, 1000, 1.0, b"x" * 100_000)
    with pytest.raises(FrameRefused, match="the least is 2 bytes a second"):
        await taken(drip.request(), limits, 200_000, 1000.0)
    assert drip.now - 1000 == pytest.approx(1 + 2 * 20, abs=2)  # each byte of the drip pays for half of its second


async def test_a_body_that_comes_in_bursts_with_long_pauses_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(body_rate=2.0, body_grace_s=3.0, body_idle_s=20.0)
    drip = Drip(monkeypatch, 5, 19.0, *[b"x" * 40] * 5)
    assert len(await taken(drip.request(), limits, 1000, 1000.0)) == 200


@pytest.mark.validation_point("http.body_rate")
async def test_a_body_that_stops_before_it_has_earned_a_pause_is_given_up_after_its_grace() -> None:
    limits = Limits(body_rate=2.0, body_grace_s=0.02, body_idle_s=1000.0)
    with pytest.raises(FrameRefused, match="bytes a second"):
        await asyncio.wait_for(taken(sending(ends=False), limits, 1000, 1000.0), 5)


@pytest.mark.validation_point("http.body_deadline")
async def test_a_body_ends_in_time_however_fast_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    drip = Drip(monkeypatch, 100, 0.5)
    with pytest.raises(FrameRefused, match="did not end within 10 seconds") as refused:
        await taken(drip.request(), SLOW, 1000, 10.0)
    assert (refused.value.entry.id, 100 - drip.left) == ("too_slow", 20)
