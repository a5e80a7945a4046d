"""When a client connects again, as scripts of what happened and when."""

from __future__ import annotations

import pytest

from netra_backend.app.core.client_rules import STEADY_S
from netra_backend.client.errors import Closed, HandshakeRefused, TokenExpired
from netra_backend.client.reconnection import FIRST_WAIT_S, LONGEST_WAIT_S, End, Reconnection, Wait

AWAY = Closed(1006, "It cannot be reached.")
EXPIRED = Closed(4401, "token_expired")


def machine(patience_s: float = 60.0, *, can_renew: bool = False, random: float = 0.5) -> Reconnection:
    return Reconnection(patience_s, 0.0, can_renew=can_renew, random=lambda: random)


def refused(status: int, retry_after_s: float | None = None) -> HandshakeRefused:
    return HandshakeRefused(1006, f"HTTP {status}", "", status=status, retry_after_s=retry_after_s)


def waited(step: Wait | End) -> float:
    assert isinstance(step, Wait)
    return step.seconds


def test_waits_double_up_to_the_longest() -> None:
    made = machine(1000.0)
    waits = [waited(made.lost(AWAY, 1.0)) for _ in range(8)]
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, LONGEST_WAIT_S, LONGEST_WAIT_S])


def test_waits_are_spread_between_half_and_one_and_a_half() -> None:
    assert waited(machine(random=0.0).lost(AWAY, 0.0)) == pytest.approx(FIRST_WAIT_S * 0.5)
    assert waited(machine(random=1.0).lost(AWAY, 0.0)) == pytest.approx(FIRST_WAIT_S * 1.5)


def test_only_a_connection_that_held_makes_the_waits_short_again() -> None:
    made = machine()
    made.lost(AWAY, 0.0)
    made.connected(1.0)
    assert waited(made.lost(AWAY, 1.0 + STEADY_S / 2)) == pytest.approx(0.2)
    made.connected(10.0)
    assert waited(made.lost(AWAY, 10.0 + STEADY_S)) == pytest.approx(0.1)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_proxy_is_waited_out_until_patience_ends(status: int) -> None:
    made = machine(10.0)
    assert isinstance(made.lost(refused(status), 9.9), Wait)
    end = made.lost(refused(status), 10.0)
    assert isinstance(end, End)
    assert isinstance(end.error, HandshakeRefused)
    assert end.error.status == status


@pytest.mark.parametrize("status", [400, 401, 403, 404, 426])
def test_any_other_status_ends_it_at_once(status: int) -> None:
    step = machine().lost(refused(status), 0.0)
    assert isinstance(step, End)


def test_it_waits_as_long_as_it_is_asked_to_but_not_beyond_its_patience() -> None:
    made = machine(10.0, random=0.0)
    assert waited(made.lost(refused(503, 3.0), 0.0)) == pytest.approx(3.0)
    assert waited(made.lost(refused(503, 3600.0), 4.0)) == pytest.approx(6.0)
    assert isinstance(made.lost(refused(503, 3600.0), 10.0), End)


def test_clients_that_are_asked_to_wait_equally_long_do_not_come_back_at_once() -> None:
    assert waited(machine(random=1.0).lost(refused(503, 3.0), 0.0)) > waited(
        machine(random=0.0).lost(refused(503, 3.0), 0.0)
    )


def test_what_an_error_frame_asks_for_counts_for_the_close_after_it_alone() -> None:
    made = machine(random=0.0)
    made.connected(0.0)
    made.asked(7.0)
    assert waited(made.lost(Closed(4429, "rate_limited"), 1.0)) == pytest.approx(7.0)
    assert waited(made.lost(AWAY, 9.0)) < 1.0


def test_patience_counts_from_the_last_moment_with_a_connection() -> None:
    made = machine(10.0)
    made.connected(5.0)
    assert made.left(5.0) == 5.0
    assert isinstance(made.lost(AWAY, 100.0), Wait)
    assert made.left(100.0) == 10.0
    assert isinstance(made.lost(AWAY, 110.0), End)


def test_a_server_that_only_says_no_is_not_a_connection() -> None:
    made = machine(10.0, can_renew=True)
    for now in (0.0, 5.0, 9.0):
        step = made.lost(EXPIRED, now)
        assert isinstance(step, Wait)
        assert step.renew
    assert isinstance(made.lost(EXPIRED, 10.0), End)


def test_an_expired_token_is_renewed_where_that_is_possible_and_ends_it_otherwise() -> None:
    renewing = machine(can_renew=True).lost(EXPIRED, 0.0)
    assert isinstance(renewing, Wait)
    assert renewing.renew
    end = machine().lost(EXPIRED, 0.0)
    assert isinstance(end, End)
    assert isinstance(end.error, TokenExpired)
    assert "get_token=" in str(end.error)
    assert end.error.code == 4401


def test_a_token_that_is_not_valid_yet_is_waited_for_with_the_same_token() -> None:
    step = machine(can_renew=True).lost(Closed(4403, "token_not_yet_valid"), 0.0)
    assert isinstance(step, Wait)
    assert not step.renew


@pytest.mark.parametrize("code", [4500, 4501, 4503, 4504, 4510, 4530, 4599])
def test_a_final_code_is_final_even_where_a_token_could_be_renewed(code: int) -> None:
    step = machine(can_renew=True).lost(Closed(code, "over"), 0.0)
    assert isinstance(step, End)
    assert step.error.code == code
