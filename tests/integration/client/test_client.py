"""The client before a real server, with a proxy on a bad day between them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult, RunScope
from netra_backend.app.core.events import TERMINAL, AgentStarted
from netra_backend.client.client import NetraClient
from netra_backend.client.errors import Closed, HandshakeRefused, Refused, TokenExpired
from test_framework.proxy import Answer, Cut, Stall, proxy_before
from test_framework.served import Served, serve

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATIENCE_S = 30
LONG_AGO_MS = 1_700_000_000_000


async def _last(client: NetraClient, message: str = "hello") -> Any:
    async with asyncio.timeout(PATIENCE_S):
        return [event async for event in client.ask(message, agent="echo")][-1]


def _handshakes(heads: list[bytes]) -> int:
    return sum(head.startswith(b"GET /ws/") for head in heads)


async def test_a_proxy_that_is_busy_and_cuts_for_a_while_is_waited_out(served: Served) -> None:
    moods = (
        Answer(502),
        Answer(429, ("Retry-After: 0",)),
        Cut(),
        Answer(503, ("Retry-After: 0", "Retry-After: 0")),
        Answer(504),
    )
    user = served.user()
    async with proxy_before(served.url, *moods) as proxy, NetraClient(proxy.url, user.token) as client:
        assert (await _last(client)).result["text"]
        assert _handshakes(proxy.heads) == len(moods) + 1


async def test_a_proxy_that_keeps_a_handshake_waiting_is_tried_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netra_backend.client.client.LONGEST_HANDSHAKE_S", 0.2)
    user = served.user()
    async with (
        proxy_before(served.url, Stall()) as proxy,
        NetraClient(proxy.url, user.token, user_id=user.id) as client,
    ):
        monkeypatch.undo()
        assert (await _last(client)).result["text"]
        assert _handshakes(proxy.heads) == 2


async def test_a_proxy_that_dies_within_a_run_loses_nothing(served: Served) -> None:
    user = served.user()
    async with proxy_before(served.url) as proxy, NetraClient(proxy.url, user.token) as client:
        proxy.be(Answer(502), Answer(503, ("Retry-After: 0",)))
        accepted = await client.start("hello", agent="waiting")
        assert accepted.thread_id is not None
        assert accepted.run_id is not None
        seen = []
        async with asyncio.timeout(PATIENCE_S):
            async for event in client.follow(accepted.thread_id):
                seen.append(event)
                if isinstance(event, AgentStarted):
                    proxy.cut()
                    await client.cancel(accepted.run_id)
                if isinstance(event, TERMINAL):
                    break
        assert [event.seq for event in seen] == list(range(1, len(seen) + 1))
        assert _handshakes(proxy.heads) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 426])
async def test_a_status_that_will_not_change_ends_it_at_once(served: Served, status: int) -> None:
    user = served.user()
    async with proxy_before(served.url, Answer(status)) as proxy:
        with pytest.raises(HandshakeRefused, match=f"HTTP {status}") as told:
            async with NetraClient(proxy.url, user.token):
                pass
        assert told.value.status == status
        assert _handshakes(proxy.heads) == 1


async def test_who_a_token_is_for_is_asked_as_patiently(served: Served) -> None:
    async with proxy_before(served.url, Answer(502), Cut(), Answer(404)) as proxy:
        with pytest.raises(HandshakeRefused, match="HTTP 404"):
            async with NetraClient(proxy.url, "opaque"):
                pass
        assert [head.split()[1] for head in proxy.heads] == [b"/api/me"] * 3


async def test_patience_ends_with_what_the_proxy_said(served: Served) -> None:
    user = served.user()
    async with proxy_before(served.url, *[Answer(503, ("Retry-After: 3600",))] * 9) as proxy:
        with pytest.raises(HandshakeRefused, match="HTTP 503") as told:
            async with NetraClient(proxy.url, user.token, patience_s=0.2):
                pass
        assert (told.value.status, told.value.retry_after_s) == (503, 3600.0)
        assert _handshakes(proxy.heads) == 2  # one more at the end of its patience, and not before


async def test_an_expired_token_ends_it_and_a_function_that_gets_a_new_one_does_not(served: Served) -> None:
    user = served.user()
    expired = served.users.token_for(user.id, now_ms=LONG_AGO_MS, lifetime_s=60).token
    asked: list[str] = []

    async def get_token() -> str:
        asked.append("")
        return user.token

    async with proxy_before(served.url) as proxy:
        with pytest.raises(TokenExpired, match="get_token="):
            async with NetraClient(proxy.url, expired):
                pass
        assert _handshakes(proxy.heads) == 1
        async with NetraClient(proxy.url, expired, get_token=get_token) as client:
            assert (await _last(client)).result["text"]
        assert len(asked) == 1
        async with NetraClient(proxy.url, get_token=get_token) as client:
            assert (await _last(client)).result["text"]
        assert len(asked) == 2


async def test_another_users_address_is_final(served: Served) -> None:
    user, other = served.user(), served.user()
    with pytest.raises(Closed, match="different user") as told:
        async with NetraClient(served.url, user.token, user_id=other.id):
            pass
    assert told.value.code == 4504


async def test_what_the_server_would_refuse_is_refused_here_and_the_connection_stays(served: Served) -> None:
    user = served.user()
    async with proxy_before(served.url) as proxy, NetraClient(proxy.url, user.token) as client:
        for message, error in (("x" * 70_000, "payload_too_large"), ("half \ud83d", "invalid_json")):
            with pytest.raises(Refused) as told:
                await _last(client, message)
            assert told.value.frame.error == error
        assert "65,536" in str(await _refusal(client, "x" * 70_000))
        assert (await _last(client, "x" * 60_000)).result["text"]
        assert _handshakes(proxy.heads) == 1


async def _refusal(client: NetraClient, message: str) -> Refused:
    with pytest.raises(Refused) as told:
        await client.start(message)
    return told.value


async def test_a_file_goes_from_the_client_to_the_agent_and_back(tmp_path: Path) -> None:
    class Reader:
        name = "reader"
        description = "Reads what is attached."
        tools: frozenset[str] = frozenset()

        async def run(self, scope: RunScope) -> AgentResult:
            files = [await scope.read_file(part["file_id"]) for part in scope.parts if part["type"] == "file"]
            earlier = [message.text async for message in scope.messages]
            return AgentResult(b" and ".join(files).decode(), {"earlier": earlier})

    async with serve(tmp_path, [Reader]) as served, asyncio.timeout(PATIENCE_S):
        user = served.user()
        async with NetraClient(served.url, user.token) as client:
            first, second = await client.upload(b"one", "text/plain"), await client.upload(b"two", "text/plain")
            parts = [{"type": "file", "file_id": first}, {"type": "file", "file_id": second}]
            events: list[Any] = [event async for event in client.ask("Read.", agent="reader", parts=parts)]
            assert events[-1].result["text"] == "one and two"
            with pytest.raises(Refused, match="A message has this file"):
                await client.start("Again.", agent="reader", parts=parts)
            with pytest.raises(Refused, match="not a file of a type that can be attached"):
                await client.upload(b"#!/bin/sh", "application/x-sh")
            run_id = events[0].run_id
            again: list[Any] = [event async for event in client.ask("Edited.", agent="reader", supersedes=run_id)]
            assert again[-1].result == {"text": "", "data": {"earlier": []}}
