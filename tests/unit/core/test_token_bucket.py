"""A rate with a burst."""

from __future__ import annotations

from netra_backend.app.core.token_bucket import TokenBucket


def test_a_bucket_gives_its_burst_at_once_and_its_rate_after_that() -> None:
    bucket = TokenBucket(rate=2.0, burst=3, now=100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(100.4)
    assert bucket.take(100.5)
    assert not bucket.take(100.5)


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = TokenBucket(rate=2.0, burst=3, now=0.0)
    assert [bucket.take(1000.0) for _ in range(4)] == [True, True, True, False]


def test_a_bucket_says_how_long_to_wait() -> None:
    bucket = TokenBucket(rate=4.0, burst=1, now=0.0)
    assert bucket.wait_ms() == 0
    bucket.take(0.0)
    assert bucket.wait_ms() == 250
    fast = TokenBucket(rate=1e6, burst=1, now=0.0)
    fast.take(0.0)
    assert fast.wait_ms() == 1


def test_a_bucket_gives_many_at_once_or_none_and_takes_one_back() -> None:
    bucket = TokenBucket(rate=2.0, burst=10, now=0.0)
    assert [bucket.take_many(count, 0.0) for count in (6, 5, 4)] == [True, False, True]
    assert not bucket.take_many(3, 1.0)
    assert bucket.take_many(2, 1.0)
    bucket.give_back()
    assert bucket.take(1.0)
    assert not bucket.take(1.0)


def test_a_bucket_is_full_until_something_is_taken_and_again_when_it_has_refilled() -> None:
    bucket = TokenBucket(rate=2.0, burst=3, now=0.0)
    assert bucket.is_full(0.0)
    bucket.take(0.0)
    assert not bucket.is_full(0.4)
    assert bucket.is_full(0.5)


def test_what_is_borrowed_of_a_bucket_has_to_wait_and_too_much_is_not_borrowed() -> None:
    bucket = TokenBucket(rate=2.0, burst=10, now=0.0)
    assert [bucket.borrow(count, 0.0, 5.0) for count in (8, 6, 6, 5, 4)] == [0.0, 2.0, 5.0, None, None]
    assert not bucket.take(4.9)
    assert bucket.borrow(2, 6.0, 5.0) == 0.0
    assert bucket.borrow(21, 100.0, 5.0) is None
    assert bucket.borrow(20, 100.0, 5.0) == 5.0


def test_a_bucket_that_changes_has_no_more_at_once_than_it_had_and_goes_on_at_its_new_rate() -> None:
    bucket = TokenBucket(rate=1.0, burst=4, now=0.0)
    assert bucket.take(0.0)
    bucket.change(rate=10.0, burst=10, now=1.0)
    assert [bucket.take(1.0) for _ in range(5)] == [True, True, True, True, False]
    assert bucket.take(1.1)
    bucket.change(rate=1.0, burst=2, now=100.0)
    assert [bucket.take(100.0) for _ in range(3)] == [True, True, False]
    for burst in (10, 1, 10):
        bucket.change(rate=1.0, burst=burst, now=100.0)
    assert not bucket.take(100.0)
