"""One question in the name of a token."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.client.bearer_get import bearer_get
from netra_backend.client.errors import Closed


async def test_it_is_asked_in_the_name_of_the_token_and_any_answer_is_one(answering: Any) -> None:
    server, url, heads = await answering("403 Forbidden", b"not you")
    async with server:
        answer = await bearer_get(url, "/api/threads", "the-token")
    assert (answer.status_code, answer.content) == (403, b"not you")
    assert heads[0].startswith(b"GET /api/threads ")
    assert b"authorization: bearer the-token\r\n" in heads[0].lower()


async def test_the_environments_proxy_is_not_asked(answering: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    server, url, _ = await answering("200 OK", b"here")
    async with server:
        assert (await bearer_get(url, "/", "t")).content == b"here"


async def test_a_server_that_is_not_there_is_told(answering: Any) -> None:
    server, url, _ = await answering("200 OK", b"")
    server.close()
    await server.wait_closed()
    with pytest.raises(Closed, match="cannot be reached") as caught:
        await bearer_get(url, "/", "t")
    assert caught.value.code == 1006
