"""A file on its way to a server, and what the server says to it."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.client.errors import Closed, Refused
from netra_backend.client.upload import upload


async def test_a_file_that_is_taken_has_an_id(answering: Any) -> None:
    server, url, heads = await answering(
        "201 Created", b'{"file_id":"file_1","sha256":"0","media":"text/plain","bytes":3}'
    )
    async with server:
        assert await upload(url, "the-token", b"abc", "text/plain") == "file_1"
    head = heads[0].lower()
    assert head.startswith(b"post /api/files ")
    assert b"authorization: bearer the-token\r\n" in head
    assert b"content-type: text/plain\r\n" in head


async def test_a_refusal_says_what_to_do(answering: Any) -> None:
    problem = b'{"error":"payload_too_large","detail":"The file is too large.","hint":"Attach a smaller file."}'
    server, url, _ = await answering("413 Content Too Large", problem)
    async with server:
        with pytest.raises(Refused, match="too large") as caught:
            await upload(url, "t", b"abc", "text/plain")
    assert (caught.value.frame.error, caught.value.hint) == ("payload_too_large", "Attach a smaller file.")


@pytest.mark.parametrize(
    ("status", "body"),
    [("201 Created", b"<html>"), ("502 Bad Gateway", b"<html>"), ("403 Forbidden", b'{"error":"nothing we know"}')],
)
async def test_what_does_not_answer_as_a_server_of_ours_is_told(answering: Any, status: str, body: bytes) -> None:
    server, url, _ = await answering(status, body)
    async with server:
        with pytest.raises(Closed, match="does not answer as a Netra server"):
            await upload(url, "t", b"abc", "text/plain")


async def test_a_server_that_is_not_there_is_told(answering: Any) -> None:
    server, url, _ = await answering("200 OK", b"")
    server.close()
    await server.wait_closed()
    with pytest.raises(Closed, match="cannot be reached"):
        await upload(url, "t", b"abc", "text/plain")
