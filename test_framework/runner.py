"""Chooses pytest's arguments, starts services, and prints what came of it: the logic of ``tests/unified_test_runner.py``."""

from __future__ import annotations

import argparse
import fnmatch
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from . import services
from .fleet_services import fleet_environment
from .prove import prove

CATEGORIES: Final = ("unit", "integration", "e2e", "performance", "all")
STAGING_URL: Final = "NETRA_STAGING_URL"
STAGING_TOKEN_COMMAND: Final = "NETRA_STAGING_TOKEN_COMMAND"
SERVER_PROCESSES: Final = 4
"""How many processes each server of the e2e tests has where they run with real services."""

NOTHING_SELECTED: Final = 5
USAGE_ERROR: Final = 2
_OUTCOMES: Final = ("passed", "failed", "errors", "skipped")


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """What was asked for; whatever is not known is passed on to pytest."""
    parser = argparse.ArgumentParser(
        prog="unified_test_runner.py", description="Run the tests, or prove that they can fail."
    )
    parser.add_argument("--category", choices=CATEGORIES, default="all", help="which room of tests (default: all)")
    parser.add_argument("--pattern", metavar="GLOB", default="*", help="only test files whose name matches")
    parser.add_argument(
        "--real-services",
        action="store_true",
        help="start PostgreSQL and Valkey first, for all tests; e2e servers then run as several processes on them",
    )
    parser.add_argument("--env", choices=("local", "staging"), default="local", help=f"staging: see {STAGING_URL}")
    parser.add_argument(
        "--junit", metavar="FILE", type=Path, help="where the JUnit report goes (default: build/junit.xml)"
    )
    parser.add_argument(
        "--workers", default=None, help="how many processes run tests (default: auto for all, else one)"
    )
    parser.add_argument(
        "--prove", action="store_true", help="take out every validation point in turn; some test must notice"
    )
    parser.add_argument("--points", metavar="GLOB", default="*", help="with --prove: only these points")
    options, rest = parser.parse_known_args(argv)
    options.rest = rest
    return options


def main(tests: Path, argv: Sequence[str]) -> int:
    """Run what ``argv`` asks for on the tests below ``tests``; the exit code (5: nothing selected)."""
    options = arguments(argv)
    if options.prove:
        return prove(tests, options.points)
    if options.env == "staging" and (missing := missing_for_staging(os.environ)):
        print(missing, file=sys.stderr)
        return USAGE_ERROR
    files = select(tests, options.category, options.pattern)
    if not files:
        print(f"nothing selected: no file in {options.category} matches {options.pattern!r}", file=sys.stderr)
        return NOTHING_SELECTED
    report = options.junit or tests.parent / "build" / "junit.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    with ExitStack() as stack:
        environment = dict(os.environ)
        if options.real_services:
            environment[services.DATABASE_VARIABLE] = database = stack.enter_context(services.postgres()).url
            environment[services.REDIS_VARIABLE] = redis = stack.enter_context(services.redis()).url
            if options.category == "e2e":
                environment |= stack.enter_context(fleet_environment(database, redis, SERVER_PROCESSES))
        command = [sys.executable, "-m", "pytest", f"--junit-xml={report}", *pytest_arguments(options), *files]
        code = subprocess.run(command, cwd=tests.parent, env=environment).returncode
    if report.is_file():
        print(summary(report))
    return code


def missing_for_staging(environment: Mapping[str, str]) -> str:
    """What has to be set so that tests can run against a server elsewhere; empty where all is there."""
    needed = {
        STAGING_URL: "the server's WebSocket origin, such as wss://staging.example.com",
        STAGING_TOKEN_COMMAND: "a command that takes an email and prints a user id and a token",
    }
    lines = [f"  {name}: {what}" for name, what in needed.items() if not environment.get(name)]
    return "\n".join(["--env staging needs in the environment:", *lines]) if lines else ""


def select(tests: Path, category: str, pattern: str) -> list[str]:
    """The test files of a category whose name matches, with or without its ending."""
    room = tests if category == "all" else tests / category
    return [
        str(path)
        for path in sorted(room.rglob("test_*.py"))
        if fnmatch.fnmatch(path.name, pattern) or fnmatch.fnmatch(path.stem, pattern)
    ]


def pytest_arguments(options: argparse.Namespace) -> list[str]:
    """Options for pytest besides the files."""
    workers = options.workers or ("auto" if options.category == "all" else None)
    chosen = ["-n", workers] if workers else []
    if options.env == "staging":
        chosen += ["-m", "gcp_staging"]
    return [*chosen, *options.rest]


def summary(report: Path) -> str:
    """A table of a JUnit report: one line a category, with outcomes and seconds."""
    counts: dict[str, Counter[str]] = {}
    seconds: dict[str, float] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        parts = case.get("classname", "").split(".")
        room = parts[1] if parts[0] == "tests" and len(parts) > 1 else parts[0] or "other"
        outcome = next(
            (
                name
                for tag, name in (("failure", "failed"), ("error", "errors"), ("skipped", "skipped"))
                if case.find(tag) is not None
            ),
            "passed",
        )
        counts.setdefault(room, Counter())[outcome] += 1
        seconds[room] = seconds.get(room, 0.0) + float(case.get("time", 0))
    wide = max((len(room) for room in counts), default=8)
    lines = [f"{'category':{wide}}  {'passed':>7}{'failed':>8}{'errors':>8}{'skipped':>9}{'seconds':>9}"]
    for room, count in sorted(counts.items()):
        passed, failed, errors, skipped = (count[name] for name in _OUTCOMES)
        lines.append(f"{room:{wide}}  {passed:>7}{failed:>8}{errors:>8}{skipped:>9}{seconds[room]:>9.1f}")
    return "\n".join(lines)
