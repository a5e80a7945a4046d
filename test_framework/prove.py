"""Proof that the tests can fail: every validation point is taken out in turn, and some test must notice by an assertion.

For each point a throw-away process imports the application without the one ``raise`` of that point (``disabling``), and
runs only the tests that claim it by ``@pytest.mark.validation_point``: the unit tests first, then, where none noticed, the
others. A test notices when it fails in its call phase by ``AssertionError`` or by an expected refusal that did not come;
crashes, import errors and time-outs do not count. In the end the tests that noticed run once more with nothing taken out and
must pass, for a test that always fails notices nothing.
"""

from __future__ import annotations

import fnmatch
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from .disabling import import_hook
from .forked import Answer, run_forked

MARKER: Final = "validation_point"
POINT_TIMEOUT_S: Final = 150.0
_PYTEST_OPTIONS: Final = ("-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
_FIRST_PARTY: Final = ("netra_backend", "test_framework", "tests")


@dataclass(frozen=True, slots=True)
class Claim:
    """A test, by node id and file, and the points it says it notices."""

    test: str
    file: str
    points: tuple[str, ...]

    @property
    def is_unit(self) -> bool:
        """Whether it needs nothing but the code, so that it is asked first."""
        return "unit" in Path(self.file).parts


@dataclass(slots=True)
class Verdict:
    """What became of one point. ``reason`` says why it survived."""

    point: str
    caught_by: list[str] = field(default_factory=list)
    claimed_by: int = 0
    reason: str = ""

    @property
    def word(self) -> str:
        """``caught``, ``SURVIVED`` or ``NO TEST``."""
        return "caught" if self.caught_by else "SURVIVED" if self.claimed_by else "NO TEST"


class ClaimReader:
    """A pytest plugin that reads which test claims which point, without running any."""

    def __init__(self) -> None:
        self.claims: list[dict[str, Any]] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            if points := claimed_points(item):
                self.claims.append({"test": item.nodeid, "file": str(item.path), "points": points})


class Noticing:
    """A pytest plugin that keeps the tests that claim ``point`` and records which of them fail by an assertion."""

    def __init__(self, keep: Iterable[str]) -> None:
        self._keep = frozenset(keep)
        self.noticed: list[str] = []
        self.passed: list[str] = []
        self.broke: list[str] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self._keep]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        if call.excinfo is not None:
            if call.when == "call" and is_assertion(call.excinfo.value):
                self.noticed.append(item.nodeid)
            else:
                self.broke.append(f"{item.nodeid} ({call.when}: {call.excinfo.typename})")
        elif call.when == "call":
            self.passed.append(item.nodeid)
        return (yield)


def claimed_points(item: pytest.Item) -> list[str]:
    """The points that a test claims by its markers."""
    return [str(point) for marker in item.iter_markers(MARKER) for point in marker.args]


def is_assertion(error: BaseException) -> bool:
    """Whether a test failed by an assertion: of its own, or because ``pytest.raises`` saw no refusal."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_assertion(inner) for inner in error.exceptions)
    return isinstance(error, AssertionError) or (
        isinstance(error, pytest.fail.Exception) and "DID NOT RAISE" in str(error)
    )


class Proof:
    """One proof over the tests below ``tests``; run it in a process that has not imported the application."""

    def __init__(self, tests: Path, points: str = "*", at_once: int | None = None) -> None:
        self._tests = tests
        self._pattern = points
        self._at_once = at_once or os.cpu_count() or 1

    def run(self) -> list[Verdict]:
        """The verdict on each point, in the catalogue's order."""
        for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
            os.environ.setdefault(variable, "1")  # a process with threads cannot be copied
        collected = self._only(lambda: collect(self._tests))
        homes: dict[str, str] = {
            point: home for point, home in collected["homes"].items() if fnmatch.fnmatch(point, self._pattern)
        }
        claims = [Claim(row["test"], row["file"], tuple(row["points"])) for row in collected["claims"]]
        if unknown := {point for claim in claims for point in claim.points} - set(collected["homes"]):
            raise SystemExit(f"tests claim points that are not catalogued: {', '.join(sorted(unknown))}")
        warm_up(collected["modules"])
        verdicts = {point: Verdict(point) for point in homes}
        with tempfile.TemporaryDirectory(prefix="netra-prove-") as scratch:  # here, since a copy may be killed
            for unit in (True, False):
                self._ask(verdicts, homes, [claim for claim in claims if claim.is_unit is unit], Path(scratch))
        self._void_false_witnesses(verdicts, claims)
        return list(verdicts.values())

    def _ask(self, verdicts: dict[str, Verdict], homes: dict[str, str], claims: list[Claim], scratch: Path) -> None:
        asked = {
            point: mine
            for point, verdict in verdicts.items()
            if not verdict.caught_by and (mine := [claim for claim in claims if point in claim.points])
        }
        jobs = {point: _without(homes[point], mine, scratch / point) for point, mine in asked.items()}
        for point, answer in run_forked(jobs, at_once=self._at_once, timeout_s=POINT_TIMEOUT_S):
            verdict = verdicts[point]
            verdict.claimed_by += len(asked[point])
            verdict.caught_by = answer.value["noticed"] if answer.value else []
            verdict.reason = "" if verdict.caught_by else _reason(answer)

    def _void_false_witnesses(self, verdicts: dict[str, Verdict], claims: list[Claim]) -> None:
        witnesses = {test for verdict in verdicts.values() for test in verdict.caught_by}
        mine = [claim for claim in claims if claim.test in witnesses]
        if not mine:
            return
        passed = set(self._only(lambda: ask_tests(mine))["passed"])
        for verdict in verdicts.values():
            false = [test for test in verdict.caught_by if test not in passed]
            if false:
                verdict.caught_by = [test for test in verdict.caught_by if test in passed]
                verdict.reason = f"fails with nothing taken out: {', '.join(false)}"

    def _only(self, job: Any) -> Any:
        ((_, answer),) = run_forked({"only": job}, at_once=1, timeout_s=4 * POINT_TIMEOUT_S)
        if answer.value is None:
            raise SystemExit(f"the tests cannot be run:\n{answer.output}")
        return answer.value


def collect(tests: Path) -> dict[str, Any]:
    """Every claim, the home of every catalogued point, and what the tests import that is not ours."""
    reader = ClaimReader()
    code = pytest.main([*_PYTEST_OPTIONS, "--collect-only", str(tests)], plugins=[reader])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise RuntimeError(f"pytest could not collect the tests: exit code {code}")
    from .point_sites import PACKAGE, constants

    homes = {point.id: f"{PACKAGE}.{point.home}:{name}" for name, point in constants().items()}
    return {"claims": reader.claims, "homes": homes, "modules": foreign_modules()}


def foreign_modules() -> list[str]:
    """What is imported now and comes from the standard library or an installed distribution, in the order of import."""
    prefixes = tuple({sys.prefix, sys.base_prefix})
    return [
        name
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] not in _FIRST_PARTY and (getattr(module, "__file__", None) or "").startswith(prefixes)
    ]


def warm_up(modules: Iterable[str]) -> None:
    """Import what is not ours, so that no copy of this process has to."""
    for name in modules:
        with suppress(Exception):  # what cannot be imported by name alone is left to whoever needs it
            importlib.import_module(name)


def _without(disabled: str, claims: list[Claim], folder: Path) -> Callable[[], dict[str, Any]]:
    def job() -> dict[str, Any]:
        import_hook.install(disabled)
        folder.mkdir(exist_ok=True)
        os.environ["PYTHONPATH"] = import_hook.path_for_children(disabled, folder)
        return ask_tests(claims)

    return job


def ask_tests(claims: list[Claim]) -> dict[str, Any]:
    """Run these tests in this process; which noticed, passed, or broke otherwise."""
    noticing = Noticing(claim.test for claim in claims)
    pytest.main([*_PYTEST_OPTIONS, *sorted({claim.file for claim in claims})], plugins=[noticing])
    return {"noticed": noticing.noticed, "passed": noticing.passed, "broke": noticing.broke}


def _reason(answer: Answer) -> str:
    if answer.value is None:
        last = answer.output.strip().splitlines()
        return f"crashed or took over {POINT_TIMEOUT_S:g} s: {last[-1] if last else 'no output'}"
    if answer.value["broke"]:
        return f"not by an assertion: {'; '.join(answer.value['broke'][:3])}"
    return "every test passes without it"


def table(verdicts: list[Verdict], seconds: float) -> str:
    """The proof for people: point, tests that caught it, verdict."""
    wide = max(len(name) for name in ("point", *(verdict.point for verdict in verdicts)))
    lines = [f"{'point':{wide}}  verdict   tests that caught it"]
    for verdict in verdicts:
        first = verdict.caught_by[0] if verdict.caught_by else verdict.reason
        more = f" (+{len(verdict.caught_by) - 1} more)" if len(verdict.caught_by) > 1 else ""
        lines.append(f"{verdict.point:{wide}}  {verdict.word:8}  {first}{more}")
    caught = sum(1 for verdict in verdicts if verdict.caught_by)
    lines.append(f"{caught} of {len(verdicts)} validation points are noticed when they are taken out ({seconds:.0f} s)")
    return "\n".join(lines)


def prove(tests: Path, points: str = "*", at_once: int | None = None) -> int:
    """Prove, print the table, and return the exit code: 0 where every point is caught, 5 where no point is named so."""
    started = time.monotonic()
    verdicts = Proof(tests, points, at_once).run()
    print(table(verdicts, time.monotonic() - started))
    if not verdicts:
        return 5
    return 0 if all(verdict.caught_by for verdict in verdicts) else 1
