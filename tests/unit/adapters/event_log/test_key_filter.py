"""The filter of idempotency keys."""

from __future__ import annotations

from netra_backend.app.adapters.event_log.key_filter import DAY_MS, KeyFilter


def test_a_key_that_was_added_is_always_told() -> None:
    seen = KeyFilter(0)
    for number in range(5000):
        seen.add(f"user-{number % 7}", f"key-{number}", number)
    assert all(seen.may_hold(f"user-{number % 7}", f"key-{number}") for number in range(5000))


def test_a_key_that_was_not_added_is_seldom_told() -> None:
    seen = KeyFilter(0)
    for number in range(5000):
        seen.add("user", f"key-{number}", 0)
    assert sum(seen.may_hold("user", f"other-{number}") for number in range(5000)) < 50


def test_the_same_key_of_another_owner_is_another_key() -> None:
    seen = KeyFilter(0)
    seen.add("alice", "key", 0)
    assert seen.may_hold("alice", "key")
    assert not seen.may_hold("bob", "key")


def test_a_key_is_remembered_for_a_day_and_forgotten_after_two() -> None:
    seen = KeyFilter(0)
    seen.add("alice", "early", 0)
    seen.add("alice", "next day", DAY_MS)
    assert seen.may_hold("alice", "early")
    seen.add("alice", "third day", 2 * DAY_MS)
    assert seen.may_hold("alice", "next day")
    assert not seen.may_hold("alice", "early")
