"""Taking one raise out of one module as it is imported."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from test_framework.disabling.import_hook import (
    PointNotFound,
    install,
    names_point,
    path_for_children,
    without_point,
)

MODULE = """
from points import validation, No

def judge(value):
    try:
        int(value)
    except ValueError as fault:
        raise No("text", point=validation.TEXT) from fault
    if int(value) < 0:
        raise No("negative", point=validation.NEGATIVE)
    return "passed"
"""


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module to disable points in; nothing of it stays."""

    class No(Exception):
        def __init__(self, message: str, point: str) -> None:
            super().__init__(message)

    validation = SimpleNamespace(TEXT="text", NEGATIVE="negative")
    monkeypatch.setitem(sys.modules, "points", SimpleNamespace(validation=validation, No=No))
    (tmp_path / "judged_module.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    finders = list(sys.meta_path)
    yield "judged_module"
    sys.meta_path[:] = finders
    sys.modules.pop("judged_module", None)


def test_a_module_without_the_hook_refuses(judged: str) -> None:
    judge = importlib.import_module(judged).judge
    for value in ("x", "-1"):
        with pytest.raises(Exception, match=r"text|negative"):
            judge(value)


def test_the_one_raise_is_taken_out_and_nothing_else(judged: str) -> None:
    install(f"{judged}:NEGATIVE")
    judge = importlib.import_module(judged).judge
    assert judge("-1") == "passed"
    with pytest.raises(Exception, match="text"):
        judge("x")


def test_a_raise_inside_an_except_block_is_taken_out_too(judged: str) -> None:
    install(f"{judged}:TEXT")
    judge = importlib.import_module(judged).judge
    with pytest.raises(ValueError, match="invalid literal"):
        judge("x")


def test_no_compiled_file_of_the_changed_module_is_left(judged: str, tmp_path: Path) -> None:
    install(f"{judged}:NEGATIVE")
    importlib.import_module(judged)
    assert list(tmp_path.rglob("*.pyc")) == []


def test_other_modules_are_imported_as_ever(judged: str, tmp_path: Path) -> None:
    (tmp_path / "other_module.py").write_text("VALUE = 1\n")
    install(f"{judged}:NEGATIVE")
    try:
        assert importlib.import_module("other_module").VALUE == 1
    finally:
        sys.modules.pop("other_module", None)


def test_a_module_that_was_imported_already_is_told(judged: str) -> None:
    importlib.import_module(judged)
    with pytest.raises(RuntimeError, match="judged_module is imported already"):
        install(f"{judged}:NEGATIVE")


@pytest.mark.parametrize("source", ["", "raise No(point=validation.X)\nraise No(point=validation.X)\n"])
def test_none_or_two_raises_of_a_point_are_told(source: str) -> None:
    with pytest.raises(PointNotFound, match="there must be exactly one"):
        without_point(source, "X")


@pytest.mark.parametrize(
    ("statement", "constant"),
    [
        ("raise No('m', point=validation.X)", "X"),
        ("raise No('m', point=validation.X) from None", "X"),
        ("raise", None),
        ("raise error", None),
        ("raise No('m')", None),
        ("raise No('m', point=X)", None),
        ("raise No('m', point=other.X)", None),
        ("raise No('m', point=a.validation.X)", None),
    ],
)
def test_only_a_raise_of_the_documented_form_names_a_point(statement: str, constant: str | None) -> None:
    node = ast.parse(statement).body[0]
    assert isinstance(node, ast.Raise)
    assert names_point(node) == constant


def test_a_module_that_does_not_exist_is_not_found(judged: str) -> None:
    install("no_such_module_at_all:X")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_module_at_all")


PROGRAM = """
from netra_backend.app.core.ids import check_id
check_id("user_id", "not an id")
print("taken for an id")
"""


@pytest.mark.parametrize(("disabled", "code"), [("netra_backend.app.core.ids:ID_FORMAT", 0), ("no.such:POINT", 1)])
def test_a_child_process_takes_the_point_out_by_its_path_alone(tmp_path: Path, disabled: str, code: int) -> None:
    variables = {"PYTHONPATH": path_for_children(disabled, tmp_path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert ("taken for an id" in done.stdout) is (code == 0)
    assert ("InvalidContextError" in done.stderr) is (code == 1)


def test_the_path_of_children_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "there")
    assert path_for_children("a.b:X", tmp_path) == f"{tmp_path}{os.pathsep}there"
    monkeypatch.delenv("PYTHONPATH")
    assert path_for_children("a.b:X", tmp_path) == str(tmp_path)
