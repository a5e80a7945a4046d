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
SKIPS = {"pytest.skip", "pytest.mark.skipif", "pytest.importorskip"}
EVASIONS = {"pytest.mark.skip", "pytest.xfail", "pytest.mark.xfail", "unittest.skip"}


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def may_skip(call: ast.Call) -> bool:
    """A test may skip where something is not on a user's machine, if it says what, or where the system has no such thing.
    In CI, which has everything, a skip is a failure (``tests/conftest.py``)."""
    texts = [str(part.value).lower() for part in ast.walk(call) if isinstance(part, ast.Constant)]
    about_the_platform = any(dotted(part) == "sys.platform" for part in ast.walk(call))
    return about_the_platform or any(word in text for text in texts for word in ("missing", "absent", "not there"))


def faults(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            yields_only = bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
            if name in SLEEPS or (name in {"asyncio.sleep", "anyio.sleep"} and not yields_only):
                yield f"line {node.lineno}: {name} waits for time instead of an event"
            if name in CLOCKS:
                yield f"line {node.lineno}: {name} makes the outcome depend on the clock"
            if name in SKIPS and not may_skip(node):
                yield f"line {node.lineno}: {name} steps aside"
        if isinstance(node, ast.Attribute) and dotted(node) in EVASIONS:
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


@pytest.mark.parametrize(
    "source",
    [
        "pytest.skip(f'{path} is missing: put the shared data beside the repository')",
        "pytest.mark.skipif(not DATA.is_dir(), reason='../shared/data is absent: no real bills')",
        "pytest.mark.skipif(not sys.platform.startswith('linux'), reason='the signal is of Linux')",
    ],
)
def test_a_test_may_skip_where_it_says_what_is_missing(source: str) -> None:
    assert list(faults(source)) == []


def test_no_test_sleeps_or_reads_the_clock_or_steps_aside(root: Path, python_files: list[Path]) -> None:
    found = [
        f"{path} {fault}"
        for path in python_files
        if path.parts[0] == "tests"
        for fault in faults((root / path).read_text())
    ]
    assert found == []
