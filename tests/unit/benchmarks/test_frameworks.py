"""P11: every framework does the same work, by itself and in Netra."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import benchmarks.framework_agents
from benchmarks import frameworks
from benchmarks.frameworks import CONTESTANTS, Cost, measured
from netra_backend.app.server import uvicorn_server


def test_every_agent_that_there_is_takes_part() -> None:
    place = Path(benchmarks.framework_agents.__path__[0])
    assert sorted(CONTESTANTS) == sorted(each.stem for each in place.glob("[!_]*.py"))


def test_a_row_has_both_figures() -> None:
    cost = Cost("a framework", 1.234, 0.987, 5.678, 19.0, 9.2)
    assert cost.row == "| a framework | 0.99 | 1.23 | 5.68 | 4.60 | 19 | 9 |"


def test_the_collector_and_the_interpreter_are_set_as_the_server_sets_them() -> None:
    assert (frameworks._YOUNG_OBJECTS, frameworks._SWITCH_S) == (
        uvicorn_server._YOUNG_OBJECTS,
        uvicorn_server._SWITCH_S,
    )


@pytest.mark.long
@pytest.mark.parametrize("name", CONTESTANTS)
async def test_an_agent_runs_by_itself_and_in_netra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for change in ("gc.freeze", "gc.set_threshold", "sys.setswitchinterval"):  # of the process, which the tests share
        monkeypatch.setattr(change, lambda *_: None)
    contestant = importlib.import_module(f"benchmarks.framework_agents.{name}")
    cost = await measured(contestant, 2)
    assert cost.name == contestant.NAME
    assert cost.alone_ms > 0
    assert cost.served_ms > 0
    assert cost.whole_ms > 0
    assert 17 < cost.events < 40
    assert 8 <= cost.commits < cost.events
