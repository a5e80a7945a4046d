"""What a client does after each code, error and status: the catalogue decides, and nothing is left open."""

from __future__ import annotations

import pytest

from netra_backend.app.core.client_rules import MESSAGE_FAULTS, TOO_BIG, TRANSIENT_STATUSES, after_close, after_status
from netra_backend.app.core.error_catalogue import CATALOGUE, ErrorKind


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=lambda kind: kind.id)
def test_every_close_of_the_catalogue_is_final_exactly_where_it_is_not_retryable(kind: ErrorKind) -> None:
    if kind.close_code is not None:
        assert (after_close(kind.close_code) in ("reconnect", "renew")) is kind.retryable


@pytest.mark.parametrize(
    ("code", "then"),
    [
        (1000, "reconnect"),
        (1006, "reconnect"),
        (TOO_BIG, "reconnect"),
        (1012, "reconnect"),
        (4400, "reconnect"),
        (4401, "renew"),
        (4403, "reconnect"),
        (4429, "reconnect"),
        (4499, "reconnect"),
        (4500, "stop"),
        (4501, "sign_in"),
        (4503, "sign_in"),
        (4504, "sign_in"),
        (4510, "stop"),
        (4530, "stop"),
        (4599, "stop"),
        (4600, "reconnect"),
    ],
)
def test_codes_of_nobody_follow_the_rule_of_their_range(code: int, then: str) -> None:
    assert after_close(code) == then


@pytest.mark.parametrize("status", sorted(TRANSIENT_STATUSES))
def test_a_busy_or_absent_server_is_waited_out(status: int) -> None:
    assert after_status(status) == "reconnect"


@pytest.mark.parametrize("status", [200, 301, 400, 403, 404, 405, 407, 410, 426, 501, 505])
def test_every_other_status_is_final(status: int) -> None:
    assert after_status(status) == "stop"


def test_a_status_that_names_an_error_of_the_catalogue_is_judged_as_that_error() -> None:
    assert after_status(401) == "sign_in"
    assert after_status(401, "revoked") == "sign_in"
    assert after_status(401, "token_expired") == "renew"
    assert after_status(401, "auth_timeout") == "reconnect"
    assert after_status(503, "dependency_unavailable") == "reconnect"
    assert after_status(404, "token_expired") == "stop"


def test_faults_of_a_message_are_final_and_close_nothing_by_themselves() -> None:
    for id in MESSAGE_FAULTS:
        assert not CATALOGUE[id].retryable
        assert CATALOGUE[id].close_code is None
