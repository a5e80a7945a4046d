"""What the head of a request must be."""

from __future__ import annotations

import pytest

from netra_backend.app.core.errors import FrameRefused, LimitRefused
from netra_backend.app.web.http.request_head import (
    check_fields,
    check_handshake,
    check_head,
    check_host,
    check_pipeline,
    declared_length,
)


@pytest.mark.validation_point("http.head_size")
def test_a_head_is_bounded() -> None:
    check_head(100, 100)
    with pytest.raises(FrameRefused, match="the limit is 100 bytes"):
        check_head(101, 100)


@pytest.mark.validation_point("http.head_fields")
def test_the_headers_of_a_request_are_few() -> None:
    check_fields(100, 100)
    with pytest.raises(FrameRefused, match="too many headers: the limit is 100"):
        check_fields(101, 100)


@pytest.mark.validation_point("http.host")
@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [b"a", b"b"],
        [b"a", b"a"],
        [b""],
        [b" "],
        [b"a, b"],
        [b"a b"],
        [b"a/b"],
        [b"u@evil"],
        [b"a\tb"],
        [b'a"b'],
        [b"a'b"],
        [b"a?b"],
        [b"a#b"],
        [b"a\\b"],
        [b"a:b"],
        [b"a:80:80"],
        [b"::1"],
        [b"[a"],
        [b"a%2"],
        [b":80"],
        [b"a<b>"],
        [b"\xe4"],
        [b"a\x00"],
    ],
)
def test_a_request_names_one_host(hosts: list[bytes]) -> None:
    with pytest.raises(FrameRefused, match="exactly one host"):
        check_host([(b"accept", b"*/*"), *((b"host", host) for host in hosts)], "1.1")


def test_one_host_will_do_and_http_1_0_may_name_none() -> None:
    for host in (
        b"a:80",
        b"netra.example.org",
        b"127.0.0.1:8000",
        b"[::1]:8000",
        b"[::ffff:1.2.3.4]",
        b"my_app",
        b"a%41",
        b"a:",
    ):
        check_host([(b"host", host)], "1.1")
    check_host([], "1.0")


@pytest.mark.validation_point("http.pipeline")
def test_few_requests_wait_in_a_connection() -> None:
    check_pipeline(3, 3)
    with pytest.raises(LimitRefused, match="wait in this connection"):
        check_pipeline(4, 3)


@pytest.mark.parametrize(
    ("value", "length"), [(b"12", 12), (b"0", 0), (b"-1", 0), (b"1e3", 0), (b"9" * 30, 0), (b"", 0)]
)
def test_a_length_is_what_is_declared_if_it_can_be_believed(value: bytes, length: int) -> None:
    assert declared_length([(b"host", b"a"), (b"content-length", value)]) == length
    assert declared_length([(b"host", b"a")]) == 0


HANDSHAKE = {
    b"host": b"a",
    b"connection": b"keep-alive, Upgrade",
    b"upgrade": b"websocket",
    b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZQ==",
    b"sec-websocket-version": b"13",
    b"sec-websocket-protocol": b"netra.v1, bearer.a-b_c~1",
    b"x-name": b"\xff",
}


def test_an_opening_handshake_is_taken() -> None:
    check_handshake([*HANDSHAKE.items()], "1.1")
    check_handshake([each for each in HANDSHAKE.items() if each[0] != b"sec-websocket-protocol"], "1.1")


@pytest.mark.validation_point("http.handshake")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in HANDSHAKE if b"-w" in name or name[0] in b"cu" for value in (b"\xff", b"\x80")),
        (b"sec-websocket-key", b""),
        (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25j"),
        (b"sec-websocket-version", b"12"),
        (b"sec-websocket-version", b"13, 8"),
        (b"sec-websocket-protocol", b"a b"),
        (b"sec-websocket-protocol", b"a,"),
        (b"sec-websocket-protocol", b"netra.v1, \xe2\x80\xa8"),
        (b"sec-websocket-extensions", b"\xff"),
    ],
)
def test_what_is_no_opening_handshake_is_refused(name: bytes, value: bytes) -> None:
    with pytest.raises(FrameRefused, match="no opening handshake"):
        check_handshake([*{**HANDSHAKE, name: value}.items()], "1.1")


@pytest.mark.validation_point("http.handshake")
@pytest.mark.parametrize("name", [b"sec-websocket-key", b"sec-websocket-version"])
def test_a_handshake_has_one_key_and_one_version(name: bytes) -> None:
    for headers in (
        [*HANDSHAKE.items(), (name, HANDSHAKE[name])],
        [each for each in HANDSHAKE.items() if each[0] != name],
    ):
        with pytest.raises(FrameRefused, match="no opening handshake"):
            check_handshake(headers, "1.1")


@pytest.mark.validation_point("http.handshake")
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_handshake_is_of_http_1_1(version: str) -> None:
    with pytest.raises(FrameRefused, match="no opening handshake"):
        check_handshake([*HANDSHAKE.items()], version)


@pytest.mark.parametrize("size", [1_000, 30_000])
def test_long_lists_of_sub_protocols_are_read_in_linear_time(size: int) -> None:
    for strange in (b"a" * size, b"a, " * size, b"a " * size, b"a" + b" \t" * size, b"a,b" + b"," * size):
        headers = [*{**HANDSHAKE, b"sec-websocket-protocol": strange + b"\x00"}.items()]
        with pytest.raises(FrameRefused):
            check_handshake(headers, "1.1")
