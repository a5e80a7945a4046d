"""Finds agents that read a clock or entropy between their steps: after a crash they would ask for other steps than were recorded.

The agent is run once in this process, and then again over its whole journal, under clocks that are hours, days and months
ahead and with other entropy. Nothing is performed a second time. What asks, and where, is seen by a profile function,
whichever name the code calls it by.
"""

from __future__ import annotations

import datetime
import gc
import logging
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

from netra_backend.app.agents.supervisor import branches
from netra_backend.app.agents.supervisor.agent_registry import MakeAgent
from netra_backend.app.agents.supervisor.run_recorder import RunRecorder
from netra_backend.app.agents.tools.definition import Tool
from netra_backend.app.core.step_keys import Branch

from .replay_bench import ReplayBench

SHIFTS_S: Final = (3_600.0 + 61, 86_400.0 * 1.5, 86_400.0 * 40)
_CLOCKS: Final = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")
_READS: Final = {getattr(time, name): f"time.{name}" for name in _CLOCKS} | {os.urandom: "os.urandom"}
_THROUGH: Final = frozenset(
    {__file__, random.__file__, datetime.__file__, *(sys.modules[n].__file__ for n in ("uuid", "secrets"))}
)
_OURS: Final = str(Path(branches.__file__).parents[3])


@dataclass(frozen=True, slots=True)
class Asked:
    """What the agent asked between two steps: ``what`` (such as ``datetime.now``), at ``place`` (file:line), after so many
    steps."""

    what: str
    place: str
    steps: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A step that was another one in a replay: its key, or what is known of it, and what the agent had asked before it."""

    step: str
    words: str
    asked: tuple[Asked, ...]

    def __str__(self) -> str:
        places = ", ".join(f"{each.what} at {each.place}" for each in self.asked) or "nothing that is known of"
        return f"{self.step}: {self.words} Asked before it: {places}."


@dataclass(slots=True)
class Determinism:
    """What came of it: ``asked`` is all that was asked between steps, also where no step depends on it."""

    asked: list[Asked] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def check(self) -> None:
        """Raises ``AssertionError`` with every step that differed if there is one."""
        if self.differences:
            raise AssertionError("The agent is not deterministic:\n" + "\n".join(map(str, self.differences)))


async def check_determinism(
    agent: MakeAgent,
    message: str,
    *,
    agents: Iterable[MakeAgent] = (),
    tools: Iterable[Tool[Any]] = (),
    answers: Mapping[str, str] | None = None,
) -> Determinism:
    """Run an agent on a message, and replay the run. ``agents`` are others that it asks, ``tools`` theirs and its own,
    ``answers`` what a model says to each prompt; every approval is given.

    Raises ``AssertionError`` if the first run does not end as completed.
    """
    bench = ReplayBench((agent, *agents), tools, answers)
    with _watching() as watched:
        events = await bench.run(agent().name, message)
    report = Determinism(asked=watched.asked)
    for shift_s in SHIFTS_S:
        with _shifted(watched.files(), shift_s), _watching() as again, _failures() as failed:
            await bench.replay(events)
        for fault in failed:
            step = again.steps[-1] if again.steps else "the beginning"
            before = [each for each in again.asked if each.steps == len(again.steps) - 1]
            difference = Difference(step, str(fault), tuple(dict.fromkeys(before or again.asked)))
            if all(each.step != step for each in report.differences):
                report.differences.append(difference)
    return report


class _Watched:
    def __init__(self) -> None:
        self.steps: list[str] = []
        self.asked: list[Asked] = []

    def files(self) -> set[str]:
        return {each.place.rpartition(":")[0] for each in self.asked}

    def called(self, frame: FrameType, event: str, function: Any) -> None:
        """A profile function."""
        if event == "c_call" and (what := _name_of(function)) and isinstance(branches._BRANCH.get(), Branch):
            caller: FrameType | None = frame
            while caller is not None and (file := caller.f_code.co_filename) in _THROUGH:
                what = what if file == __file__ else f"{Path(file).stem}.{caller.f_code.co_name}"
                caller = caller.f_back
            if caller is not None and _is_theirs(caller.f_code.co_filename):
                self.asked.append(Asked(what, f"{caller.f_code.co_filename}:{caller.f_lineno}", len(self.steps)))


def _name_of(function: Any) -> str:
    """What reads a clock or entropy by this built-in function; ``""`` if nothing."""
    try:
        known = _READS.get(function)
    except TypeError:
        return ""
    if known is not None:
        return known
    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    if isinstance(owner, type) and issubclass(owner, datetime.date) and name in ("now", "utcnow", "today"):
        return f"{owner.__name__}.{name}"
    return f"random.{name}" if owner is random._inst and name in ("random", "getrandbits") else ""


def _is_theirs(file: str) -> bool:
    """Whether this is code of an agent: not ours, and not of the standard library, whose loop and log read clocks by
    themselves."""
    return not file.startswith((_OURS, os.path.dirname(os.__file__) + os.sep + "asyncio", "<")) and (
        "site-packages" in file or not file.startswith(os.path.dirname(os.__file__))
    )


@contextmanager
def _watching() -> Iterator[_Watched]:
    watched, ask = _Watched(), RunRecorder.next

    def noted(self: RunRecorder, key: str, step: Any) -> Any:
        watched.steps.append(key)
        return ask(self, key, step)

    before = sys.getprofile()
    with patch.object(RunRecorder, "next", noted):
        collects = gc.isenabled()
        gc.disable()  # who times collections does it in the middle of the agent's code
        sys.setprofile(watched.called)
        try:
            yield watched
        finally:
            sys.setprofile(before)
            if collects:
                gc.enable()


@contextmanager
def _failures() -> Iterator[Sequence[BaseException]]:
    """The faults that runs end with."""
    faults: list[BaseException] = []

    class _Takes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1] is not None and record.getMessage() == "run failed":
                faults.append(record.exc_info[1])

    handler = _Takes()
    log = logging.getLogger("netra.run")
    log.addHandler(handler)
    try:
        yield faults
    finally:
        log.removeHandler(handler)


@contextmanager
def _shifted(files: set[str], shift_s: float) -> Iterator[None]:
    """The clocks of these files' modules go ahead by so much; everybody else's are as they are."""
    ahead = _clocks(shift_s)
    with ExitStack() as stack:
        for module in list(sys.modules.values()):
            if getattr(module, "__file__", None) in files:
                for name, value in list(vars(module).items()):
                    if id(value) in ahead:
                        stack.enter_context(patch.object(module, name, ahead[id(value)]))
        yield


def _ahead(real: Callable[[], float], by: float) -> float:
    return real() + by


def _clocks(shift_s: float) -> dict[int, Any]:
    """What stands for the modules and functions that read clocks, by the ids of those."""
    delta = datetime.timedelta(seconds=shift_s)

    class _AsReal(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, cls.__mro__[1])

    class Date(datetime.date, metaclass=_AsReal):
        @classmethod
        def today(cls) -> Any:
            return (datetime.datetime.today() + delta).date()

    class DateTime(datetime.datetime, metaclass=_AsReal):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.datetime.now(tz) + delta

        @classmethod
        def utcnow(cls) -> Any:
            return datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + delta

        @classmethod
        def today(cls) -> Any:
            return datetime.datetime.today() + delta

    functions: dict[str, Any] = {}
    for name in _CLOCKS:
        by = round(shift_s * 1e9) if name.endswith("_ns") else shift_s
        functions[name] = partial(_ahead, getattr(time, name), by)
    made: dict[int, Any] = {id(getattr(time, name)): function for name, function in functions.items()}
    made[id(time)] = SimpleNamespace(**{**vars(time), **functions})
    made[id(datetime)] = SimpleNamespace(**{**vars(datetime), "datetime": DateTime, "date": Date})
    made[id(datetime.datetime)], made[id(datetime.date)] = DateTime, Date
    return made
