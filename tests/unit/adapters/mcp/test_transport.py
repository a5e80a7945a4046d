"""The HTTP of one session: its credential, no stream that is not asked for, and no end of requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2
import pytest

from netra_backend.app.adapters.mcp import transport as module
from netra_backend.app.adapters.mcp.transport import SessionTransport
from netra_backend.app.core.errors import DependencyUnavailable, NetraError, ToolError

URL = "https://mcp.invalid/mcp"


class Answer:
    status, headers = 200, [(b"content-type", b"text/plain")]
    is_closed = False

    def __init__(self, fault: BaseException | None) -> None:
        self.chunks = self._chunks(fault)

    async def _chunks(self, fault: BaseException | None) -> AsyncIterator[bytes]:
        yield b"some"
        if fault is not None:
            raise fault

    async def close(self) -> None:
        self.is_closed = True


class Pool:
    def __init__(self, fault: BaseException | None = None) -> None:
        self.fault = fault
        self.sent: list[Any] = []
        self.is_closed = False

    async def send(self, *request: Any) -> Answer:
        self.sent.append(request)
        return Answer(self.fault)

    async def close(self) -> None:
        self.is_closed = True


def client(pool: Any, *credential: str) -> tuple[httpx2.AsyncClient, SessionTransport]:
    header, *values = credential or ("", "")

    async def current(refused: Sequence[str]) -> str:
        return values[min(len(refused), len(values) - 1)]

    transport = SessionTransport(pool, header, current)
    return httpx2.AsyncClient(transport=transport, trust_env=False), transport


async def test_the_credential_goes_with_each_request_in_the_place_of_any_other_of_its_name() -> None:
    pool = Pool()
    http, _ = client(pool, "Authorization", "Bearer canary")
    async with http:
        await http.post(URL, content=b"body", headers={"authorization": "Bearer other"})
    method, url, headers, body = pool.sent[0]
    assert (method, url, body) == ("POST", URL, b"body")
    assert [value for name, value in headers if name.lower() == b"authorization"] == [b"Bearer canary"]
    assert pool.is_closed


async def test_a_stream_is_not_asked_for_but_an_answer_that_was_cut_off_may_be_fetched() -> None:
    pool = Pool()
    http, _ = client(pool)
    async with http:
        assert (await http.get(URL)).status_code == 405
        assert pool.sent == []
        assert (await http.get(URL, headers={"Last-Event-ID": "7"})).status_code == 200


async def test_what_breaks_off_is_told_once_by_its_fault() -> None:
    http, transport = client(Pool(DependencyUnavailable("It broke off.")))
    async with http:
        with pytest.raises(module.BrokenOff):
            await http.post(URL)
    fault = transport.take_fault()
    assert str(fault) == "It broke off."
    assert transport.take_fault() is None


async def test_a_server_that_has_its_client_ask_again_and_again_is_asked_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MOST_REQUESTS", 2)
    pool = Pool()
    http, transport = client(pool)
    async with http:
        assert [(await http.post(URL)).status_code for _ in range(4)] == [200, 200, 502, 502]
    assert len(pool.sent) == 2
    assert "too often" in str(transport.take_fault())


class Refusing(Pool):
    """Takes the credentials that are ``good``, and refuses all others as unauthenticated."""

    def __init__(self, *good: bytes) -> None:
        super().__init__()
        self.good = good
        self.refused: list[Answer] = []

    async def send(self, *request: Any) -> Answer:
        answer = await super().send(*request)
        if request[2][-1][1] not in self.good:
            answer.status = 401
            self.refused.append(answer)
        return answer


async def test_a_refused_credential_is_followed_by_another_one_if_there_is_one() -> None:
    pool = Refusing(b"new")
    http, _ = client(pool, "X-Key", "old", "new")
    async with http:
        assert (await http.post(URL, content=b"body")).status_code == 200
    assert [(request[2][-1][1], request[3]) for request in pool.sent] == [(b"old", b"body"), (b"new", b"body")]
    assert [each.is_closed for each in pool.refused] == [True]


async def test_a_credential_that_stays_the_same_is_sent_once() -> None:
    pool = Refusing()
    http, _ = client(pool, "X-Key", "old")
    async with http:
        assert (await http.post(URL)).status_code == 401
    assert len(pool.sent) == 1


@pytest.mark.parametrize(
    "fault",
    [ToolError("MCP_NOT_AUTHORIZED", "Authorize it again."), DependencyUnavailable("The store is away.")],
)
async def test_a_credential_that_cannot_be_had_is_told_and_nothing_more_is_sent(fault: NetraError) -> None:
    pool = Refusing()

    async def current(refused: Sequence[str]) -> str:
        if refused:
            raise fault
        return "old"

    transport = SessionTransport(pool, "X-Key", current)  # type: ignore[arg-type]
    async with httpx2.AsyncClient(transport=transport, trust_env=False) as http:
        assert (await http.post(URL)).status_code == 502
    assert str(transport.take_fault()) == fault.message
    assert [each.is_closed for each in pool.refused] == [True]
