"""Rates are differences of totals over the last 1, 10 and 60 seconds."""

from __future__ import annotations

from netra_backend.app.server.rates import Rates


def sampled(*totals: int, step: float = 1.0) -> Rates:
    counts = iter(totals)
    rates = Rates(lambda: {"events": next(counts)})
    for number in range(len(totals)):
        rates.tick(1000.0 + number * step)
    return rates


def test_nothing_is_told_before_there_are_two_samples() -> None:
    assert sampled().per_second() == {}
    assert sampled(5).per_second() == {}


def test_a_rate_is_told_over_each_span() -> None:
    rates = sampled(*range(0, 61 * 3, 3), 61 * 3 + 97)
    assert rates.per_second() == {"events": {"1s": 100.0, "10s": 12.7, "60s": 4.617}}


def test_a_span_that_is_not_full_yet_counts_from_the_first_sample() -> None:
    assert sampled(0, 10, 40).per_second() == {"events": {"1s": 30.0, "10s": 20.0, "60s": 20.0}}


def test_samples_that_come_late_still_count_the_time_between_them() -> None:
    assert sampled(0, 10, step=2.5).per_second()["events"]["1s"] == 4.0


def test_old_samples_are_forgotten() -> None:
    assert sampled(*[0] * 100, *[50] * 60).per_second()["events"]["60s"] < 1


def test_a_total_that_is_new_counts_from_nothing() -> None:
    totals = iter([{}, {"runs": 4}])
    rates = Rates(lambda: next(totals))
    rates.tick(1.0)
    rates.tick(2.0)
    assert rates.per_second() == {"runs": {"1s": 4.0, "10s": 4.0, "60s": 4.0}}
