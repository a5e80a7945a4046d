"""The curves: all points in turns, each on a store of its own, and what was written is what is drawn again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import curves, ours
from benchmarks.curves import NAMES, Point, drawn, main, measure, over_rounds, read, sizes
from benchmarks.stored import Asked


def asked(runs_per_s: float) -> Asked:
    return Asked(runs_per_s, cpu_us=150.0, first_p50_us=1500.0, first_p99_us=4000.0, generator_share=0.2)


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, int]]:
    """No server: what would be asked, the name of the data directory and the number of clients."""
    log: list[tuple[str, int]] = []

    def ask(data_dir: Path, clients: int, seconds: float) -> Asked:
        log.append((data_dir.name, clients))
        return asked(1000.0 * len(log))

    def directory(prefix: str) -> Callable[..., Path]:
        return lambda *names: tmp_path / f"{prefix} {' '.join(Path(name).name for name in names)}"

    monkeypatch.setattr(curves, "ask", ask)
    monkeypatch.setattr(curves, "copied", directory("copy of"))
    monkeypatch.setattr(ours, "empty_data_dir", directory("empty"))
    return log


POINTS = [
    Point("connections", 1, clients=1),
    Point("connections", 10, clients=10),
    Point("events", 6, filled=Path("six")),
]


def test_every_other_round_goes_backwards_and_a_stored_point_works_on_a_copy(asking: list[tuple[str, int]]) -> None:
    measure(POINTS, rounds=2, seconds=1)
    there = [("empty curves", 1), ("empty curves", 10), ("copy of six curves", 100)]
    assert asking == [*there, *reversed(there)]


def test_what_was_asked_is_kept_by_curve_and_size(asking: list[tuple[str, int]]) -> None:
    measured = measure(POINTS, rounds=2, seconds=1)
    assert over_rounds(measured["connections"][1], "runs_per_s").rounds == (1000.0, 6000.0)
    assert over_rounds(measured["events"][6], "runs_per_s").rounds == (3000.0, 4000.0)


def test_sizes_are_ordered_whole_numbers() -> None:
    assert sizes("100,1,10,10") == [1, 10, 100]
    for words in ("", "1,,2", "0,1", "-1", "many"):
        with pytest.raises(ValueError, match=r"."):
            sizes(words)


def test_a_curve_is_drawn_for_each_that_was_measured() -> None:
    measured = {"connections": {1: [asked(1000.0)], 10: [asked(3000.0)]}, "threads": {1: [asked(2000.0)]}}
    said = ["".join(one.itertext()) for one in ElementTree.fromstring(drawn(measured, {"commit": "abc"})).iter()]
    assert {"1,000", "3,000", "2,000", "150", "1.5", "4.0", NAMES["connections"], NAMES["threads"]} <= set(said)
    assert NAMES["events"] not in said


def test_what_was_written_is_shown_and_drawn_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measured = {"events": {1000: [asked(5000.0), asked(6000.0)], 10_000: [asked(4000.0), asked(4200.0)]}}
    written = {
        name: {size: [asdict(one) for one in each] for size, each in by.items()} for name, by in measured.items()
    }
    results = tmp_path / "results.json"
    results.write_text(json.dumps({"machine": {"commit": "abc"}, "results": {"curves": written}}))
    assert read(results) == (measured, {"commit": "abc"})
    main(["--again", str(results), "--plot", str(tmp_path / "made" / "plot.svg")])
    assert (tmp_path / "made" / "plot.svg").read_text() == drawn(measured, {"commit": "abc"})
    shown = capsys.readouterr().out
    assert "5,500 ±9%" in shown
    assert "0.75 ±7%" in shown
