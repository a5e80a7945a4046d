"""What a test may not do: sleep, read the wall clock, or step aside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SLEEPS = {"time.sleep", "sleep"}
CLOCKS = {
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.perf_counter",
    "time.perf_counter_ns",
    "datetime.now",
    "datetime.datetime.now",
    "datetime.utcnow",
    "date.today",
}
EVASIONS = {"pytest.skip", "pytest.xfail", "unittest.skip"}
EVADING_MARKS = {"pytest.mark.skip", "pytest.mark.xfail"}


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def says_what_is_missing(call: ast.Call) -> bool:
    """A fixture may skip where something is not on a user's machine, if it says what; in CI a skip is a failure."""
    return any("missing: " in str(part.value) for part in ast.walk(call) if isinstance(part, ast.Constant))


def is_about_the_platform(call: ast.Call) -> bool:
    """What another system does not have cannot be tested there; CI runs on the system that has it."""
    return any(dotted(part) == "sys.platform" for part in ast.walk(call.args[0]))


def faults(source: str, *, fixtures: bool = False) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            yields_only = bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
            if name in SLEEPS or (name in {"asyncio.sleep", "anyio.sleep"} and not yields_only):
                yield f"line {node.lineno}: {name} waits for time instead of an event"
            if name in CLOCKS:
                yield f"line {node.lineno}: {name} makes the outcome depend on the clock"
            if name in EVASIONS and not (fixtures and says_what_is_missing(node)):
                yield f"line {node.lineno}: {name} steps aside"
            if name == "pytest.mark.skipif" and not is_about_the_platform(node):
                yield f"line {node.lineno}: {name} steps aside"
        if isinstance(node, ast.Attribute) and dotted(node) in EVADING_MARKS:
            yield f"line {node.lineno}: {dotted(node)} steps aside"


@pytest.mark.parametrize(
    "source",
    [
        "time.sleep(1)",
        "async def f():\n    await asyncio.sleep(0.1)",
        "assert time.monotonic() < 3",
        "now = datetime.now()",
        "pytest.skip('later')",
        "@pytest.mark.xfail\ndef test(): ...",
        "@pytest.mark.skipif(True, reason='slow')\ndef test(): ...",
    ],
)
def test_the_rule_notices_a_fault(source: str) -> None:
    assert list(faults(source))


def test_the_rule_lets_a_test_give_way_to_the_loop() -> None:
    assert list(faults("async def f():\n    await asyncio.sleep(0)\n    await event.wait()")) == []


def test_a_fixture_may_skip_where_it_says_what_is_missing_and_a_test_may_not() -> None:
    skip = "pytest.skip(f'{path} is missing: put the shared data beside the repository')"
    assert list(faults(skip, fixtures=True)) == []
    assert list(faults(skip))
    assert list(faults("pytest.skip('not today')", fixtures=True))


def test_no_test_sleeps_or_reads_the_clock_or_steps_aside(root: Path, python_files: list[Path]) -> None:
    found = [
        f"{path} {fault}"
        for path in python_files
        if path.parts[0] == "tests"
        for fault in faults((root / path).read_text(), fixtures=path.name == "conftest.py")
    ]
    assert found == []
