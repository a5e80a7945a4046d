"""What an HTTP status means where a connection was asked for."""

from __future__ import annotations

import pytest

from netra_backend.client.handshake import refused_by_http, retry_after

URL = "https://netra.example"
NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (400, "HTTP 400 Bad Request"),
        (401, "get a new token"),
        (403, "lets this client through"),
        (404, "the path under which a proxy serves Netra"),
        (426, "Upgrade and Connection"),
        (502, "raise patience_s"),
        (418, "each proxy"),
        (599, "(HTTP 599)"),
    ],
)
def test_it_says_what_the_status_was_and_what_to_do(status: int, told: str) -> None:
    refused = refused_by_http(URL, status, {}, b"<html>no</html>")
    assert told in str(refused)
    assert str(refused).startswith(f"{URL} refused the connection (HTTP {status}")
    assert refused.status == status


def test_an_answer_of_netras_own_reads_as_the_catalogue_says_it() -> None:
    refused = refused_by_http(URL, 503, {"retry-after": "1"}, b'{"type":"error","error":"dependency_unavailable"}')
    assert str(refused).startswith("A service that the server needs is unavailable.")
    assert (refused.status, refused.retry_after_s, refused.next) == (503, 1.0, "reconnect")


def test_an_expired_token_is_told_from_one_that_is_not_accepted() -> None:
    assert refused_by_http(URL, 401, {}, b'{"error":"token_expired"}').next == "renew"
    assert refused_by_http(URL, 401, {}, b'{"error":"revoked"}').next == "sign_in"
    assert refused_by_http(URL, 401, {}, b'{"error":5}').next == "sign_in"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 12 ", 12.0),
        ("Mon, 21 Sep 2026 14:13:25 GMT", 5.0),
        ("Mon, 21 Sep 2026 14:13:15 GMT", 0.0),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("²", None),
        ("9" * 5000, 999_999_999.0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_anything_else_is_nothing(text: str, seconds: float | None) -> None:
    assert retry_after(text, NOW) == seconds
