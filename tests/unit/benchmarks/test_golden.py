"""The goals of the golden benchmark are judged on the figures, and a miss is said."""

from __future__ import annotations

from benchmarks.contestants import peers
from benchmarks.figures import figure
from benchmarks.golden import everyone, judge
from benchmarks.ours import NAME


def speeds(us: float) -> dict[str, float]:
    return {
        NAME: us,
        **{peer.name: 300.0 if peer.is_agent_server else 2000.0 for peer in peers()[1:]},
        peers()[0].name: 24000.0,
    }


def verdicts(us: float, first_ms: float, sync_ms: float = 0.2) -> list[str]:
    rows = judge(
        everyone(without_peers=False),
        {name: figure([speed]) for name, speed in speeds(us).items()},
        (figure([first_ms * 1000]), figure([first_ms * 1000])),
        (figure([sync_ms * 1000]), figure([sync_ms * 1000])),
    )
    return [row[-1] for row in rows]


def test_all_goals_can_be_met() -> None:
    assert verdicts(us=13000.0, first_ms=0.9) == ["yes"] * 5


def test_a_slow_server_misses_half_of_the_yardstick_and_six_times_socketio() -> None:
    assert verdicts(us=11000.0, first_ms=0.9) == ["no", "no", "yes", "yes", "yes"]


def test_a_late_first_event_misses_its_goals() -> None:
    assert verdicts(us=13000.0, first_ms=5.3) == ["yes", "yes", "yes", "no", "no"]


def test_a_disk_that_others_keep_busy_proves_nothing() -> None:
    assert verdicts(us=13000.0, first_ms=90.0, sync_ms=182.0)[-2:] == ["disk too busy", "disk too busy"]


def test_without_peers_the_yardstick_stays() -> None:
    assert [one.name for one in everyone(without_peers=True)] == [NAME, peers()[0].name]
