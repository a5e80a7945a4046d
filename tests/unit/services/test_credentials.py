"""What a request brings to say who it is from."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.core.errors import AuthenticationRefused
from netra_backend.app.services.credentials import Credentials, check_origin, header, read_credentials


def scope(*headers: tuple[bytes, bytes], query: bytes = b"", subprotocols: list[str] | None = None) -> dict[str, Any]:
    return {"type": "websocket", "headers": list(headers), "query_string": query, "subprotocols": subprotocols or []}


def test_a_bearer_header_brings_the_token() -> None:
    for name, value in ((b"authorization", b"Bearer abc.d.e"), (b"Authorization", b"bearer  abc.d.e ")):
        assert read_credentials(scope((name, value))) == Credentials(token="abc.d.e")


@pytest.mark.parametrize("value", [b"", b"Bearer", b"Bearer ", b"Basic YTpi", b"abc.d.e", b"Bearerabc"])
def test_another_authorization_brings_none(value: bytes) -> None:
    assert read_credentials(scope((b"authorization", value))) == Credentials()


def test_a_key_comes_in_a_header_of_its_own_after_the_usual_one() -> None:
    own = (b"x-api-key", b" nk_1 ")
    assert read_credentials(scope(own)) == Credentials(token="nk_1")
    assert read_credentials(scope(own, (b"authorization", b"Bearer nk_2"))) == Credentials(token="nk_2")
    assert read_credentials(scope((b"x-api-key", b""))) == Credentials()


def test_a_sub_protocol_brings_the_token_and_is_never_the_one_to_answer() -> None:
    found = read_credentials(scope(subprotocols=["bearer.abc.d.e", "netra.v1"]))
    assert found == Credentials(token="abc.d.e", subprotocol="netra.v1")


def test_a_token_among_sub_protocols_counts_beside_ours_alone() -> None:
    assert read_credentials(scope(subprotocols=["bearer.abc.d.e"])) == Credentials()
    assert read_credentials(scope(subprotocols=["bearer.abc.d.e", "graphql-ws"])) == Credentials()
    assert read_credentials(scope(subprotocols=["netra.v1", "bearer."])) == Credentials(subprotocol="netra.v1")


def test_the_header_goes_before_the_sub_protocol() -> None:
    found = read_credentials(scope((b"authorization", b"Bearer h"), subprotocols=["netra.v1", "bearer.s"]))
    assert found == Credentials(token="h", subprotocol="netra.v1")


def test_a_query_string_brings_a_ticket() -> None:
    assert read_credentials(scope(query=b"a=1&ticket=x%2Dy&ticket=z")) == Credentials(ticket="x-y")


@pytest.mark.validation_point("credentials.query")
@pytest.mark.parametrize(
    "query",
    [b"token=abc", b"a=1&access_token=abc", b"Token=abc", b"%74oken=abc", b"bearer=x", b"api_key=x", b"X-Api-Key=x"],
)
def test_a_token_in_a_query_string_is_refused_with_the_way_to_go(query: bytes) -> None:
    with pytest.raises(AuthenticationRefused) as refused:
        read_credentials(scope((b"authorization", b"Bearer good"), query=query))
    assert refused.value.entry.id == "unauthenticated"
    assert "single-use ticket" in refused.value.hint


def test_a_query_string_without_end_brings_nothing() -> None:
    assert read_credentials(scope(query=b"&".join([b"a=1"] * 65))) == Credentials()
    assert read_credentials(scope(query=b"a" * 9000 + b"&ticket=x")) == Credentials()


def test_a_scope_with_nothing_in_it_brings_nothing() -> None:
    assert read_credentials({"type": "http"}) == Credentials()


def test_credentials_do_not_show_themselves() -> None:
    assert "abc" not in repr(Credentials(token="abc", ticket="abc"))


def test_the_first_of_two_headers_counts() -> None:
    assert header(scope((b"x-a", b" 1 "), (b"X-A", b"2")), b"x-a") == "1"
    assert header(scope(), b"x-a") is None


@pytest.mark.parametrize(
    "origin",
    [None, b"http://127.0.0.1:8000", b"https://netra.example.com", b"https://app.example.com", b"https://APP.example.com:443"],
)  # fmt: skip
def test_no_origin_our_own_and_a_listed_one_are_let_in(origin: bytes | None) -> None:
    headers = [(b"host", b"127.0.0.1:8000")] + ([(b"origin", origin)] if origin else [])
    check_origin(scope(*headers), ("https://app.example.com",), "https://netra.example.com/base")


@pytest.mark.validation_point("credentials.origin")
@pytest.mark.parametrize(
    "origin",
    [b"https://evil.example", b"null", b"", b"http://127.0.0.1:9000", b"https://app.example.com.evil.example", b"\xff"],
)  # fmt: skip
def test_another_origin_is_refused(origin: bytes) -> None:
    with pytest.raises(AuthenticationRefused) as refused:
        check_origin(scope((b"host", b"127.0.0.1:8000"), (b"origin", origin)), ("https://app.example.com",))
    assert (refused.value.entry.id, refused.value.entry.status) == ("origin_refused", 403)


def test_without_a_host_there_is_no_own_origin() -> None:
    with pytest.raises(AuthenticationRefused):
        check_origin(scope((b"origin", b"http://127.0.0.1:8000")), ())
