"""What a person names is imported, or one sentence says why not."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netra_backend.app.core.errors import ExtensionError
from netra_backend.app.extensions.named_objects import described, find, load_module, parse


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("my_agents", ("my_agents", None)),
        ("my.agents:NOTES", ("my.agents", "NOTES")),
        ("my_agents:Notes.make", ("my_agents", "Notes.make")),
    ],
)
def test_a_module_and_perhaps_a_name_are_told_apart(spec: str, parts: tuple[str, str | None]) -> None:
    assert parse(spec) == parts


@pytest.mark.parametrize(
    "spec", ["", "my agents", "my_agents.py", "./my_agents", ":NAME", "a:", "a:b:c", "a..b", "a\n"]
)
def test_what_names_no_module_is_refused_with_an_example(spec: str) -> None:
    with pytest.raises(ExtensionError) as refused:
        parse(spec)
    assert refused.value.faults == [f"{spec!r} is not MODULE or MODULE:NAME, such as my_agents or my_agents:AGENTS."]


def test_a_module_of_the_current_directory_is_imported_once(write: Any) -> None:
    write(my_module="MADE = []")
    assert load_module("my_module") is load_module("my_module") is sys.modules["my_module"]


def test_a_file_that_was_written_a_moment_ago_is_found(write: Any, here: Path) -> None:
    before = here.stat()
    with pytest.raises(ExtensionError, match="There is no module 'late'"):
        load_module("late")
    write(late="")
    os.utime(here, ns=(before.st_atime_ns, before.st_mtime_ns))  # as where a clock has coarse steps
    assert load_module("late").__name__ == "late"


@pytest.mark.parametrize("name", ["nowhere", "nowhere.at_all", "my_module.part"])
def test_a_module_that_is_not_there_is_told_with_where_it_was_looked_for(write: Any, here: Path, name: str) -> None:
    write(my_module="")
    with pytest.raises(ExtensionError) as refused:
        load_module(name)
    assert refused.value.faults == [f"There is no module {name!r}: it is neither in {here} nor installed."]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("\nimport nowhere", "ModuleNotFoundError: No module named 'nowhere' (my_module.py, line 2)"),
        (
            "from json import nothing",
            "ImportError: cannot import name 'nothing' from 'json' ({json}) (my_module.py, line 1)",
        ),
        ("x = (", "SyntaxError: '(' was never closed (my_module.py, line 1)"),
        ("\n\n1 / 0", "ZeroDivisionError: division by zero (my_module.py, line 3)"),
        ("raise ValueError('Too\\n  bad.')", "ValueError: Too bad (my_module.py, line 1)"),
        ("raise SystemExit(3)", "SystemExit: 3 (my_module.py, line 1)"),
        ("raise AssertionError", "AssertionError (my_module.py, line 1)"),
    ],
)
def test_what_a_module_itself_fails_of_is_told_with_its_line(write: Any, source: str, reason: str) -> None:
    write(my_module=source)
    with pytest.raises(ExtensionError) as refused:
        load_module("my_module")
    (fault,) = refused.value.faults
    import json

    assert fault == f"my_module cannot be imported: {reason.format(json=json.__file__)}."


def test_a_module_with_a_null_byte_is_told_whatever_python_calls_it(write: Any) -> None:
    write(my_module="a\0b")
    with pytest.raises(
        ExtensionError, match=r"my_module cannot be imported: \w+Error: source code string cannot contain null"
    ):
        load_module("my_module")


def test_a_long_message_is_cut() -> None:
    assert len(described(ValueError("x" * 10_000))) < 600


def test_a_name_may_be_dotted_and_a_missing_one_is_told_with_the_nearest() -> None:
    module: Any = SimpleNamespace(__name__="my_agents", AGENTS=SimpleNamespace(first=1), _AGENT=2)
    assert find(module, "AGENTS.first") == 1
    with pytest.raises(ExtensionError, match=r"^my_agents has no AGENT\. Did you mean AGENTS\?$"):
        find(module, "AGENT")
    with pytest.raises(ExtensionError, match=r"^my_agents has no AGENTS\.zzz\.$"):
        find(module, "AGENTS.zzz")
