"""What is written down of refusals, and what is only counted."""

from __future__ import annotations

from netra_backend.app.core.audit_allowance import HOUR_MS, Allowance
from netra_backend.app.core.limits import Limits


def test_beyond_its_allowance_a_users_refusals_are_counted_and_told_after_the_hour() -> None:
    allowance = Allowance(Limits(audit_user_rows=2))
    allowance.ended(0)
    assert [allowance.take("ada", "") for _ in range(5)] == [True, True, False, False, False]
    assert allowance.take("bob", "")
    assert allowance.ended(HOUR_MS - 1) == ()
    assert allowance.ended(HOUR_MS) == [("ada", "", 3)]
    assert allowance.take("ada", "")
    assert allowance.close() == []


def test_one_address_takes_nothing_from_another_and_all_of_them_nothing_from_a_user() -> None:
    allowance = Allowance(Limits(audit_user_rows=1, audit_address_rows=2, audit_anonymous_rows=5))
    assert [allowance.take(None, "192.0.2.1") for _ in range(10_000)].count(True) == 2
    assert [allowance.take(None, "192.0.2.2") for _ in range(3)] == [True, True, False]
    assert [allowance.take(None, f"198.51.100.{host}") for host in range(100)].count(True) == 1
    assert allowance.take("ada", "192.0.2.1")
    assert allowance.close() == [(None, "192.0.2.1", 9_998), (None, "192.0.2.2", 1), (None, "", 99)]


def test_where_too_many_are_watched_the_rest_share_an_allowance() -> None:
    allowance = Allowance(Limits(audit_user_rows=1, audit_watched=10))
    for number in range(10):
        assert allowance.take(f"user_{number}", "")
    assert [allowance.take(f"other_{number}", "") for number in range(3)] == [True, False, False]
    assert allowance.close() == [(None, "", 2)]
