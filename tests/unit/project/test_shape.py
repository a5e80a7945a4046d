"""The shape of the source: small files, each with its test, and names that say what a thing is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

MOST_LINES = 400
TEST_ROOMS = ("unit", "contract", "integration", "e2e", "simulation", "performance")
IMPORTED_FROM = (Path("netra_server/__init__.py"), Path("netra_backend/client/__init__.py"))
GIVEN_NAMES = ("unified_tool_dispatcher", "unified_test_runner", "ssot_validation_helpers")
BANNED = re.compile(
    r"(?:^|_)(?:unified|enhanced|improved|compat|compatibility|legacy|deprecated|helpers?|utils?|misc|manager2|new2"
    r"|v2|todo|hack|stub)(?:_|$)|_(?:old|new|backup|copy)\.py$"
)


def is_banned(name: str) -> bool:
    """Whether a name (``SomeName`` and ``some_name`` alike) says nothing; the names that the contract gives are left out."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("s_sot", "ssot")
    for given in GIVEN_NAMES:
        words = words.replace(given, "given")
    return BANNED.search(words) is not None


def defined_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith(
            "test_"
        ):
            yield node.name


def sources(python_files: list[Path]) -> list[Path]:
    return [path for path in python_files if path.parts[0] in {"netra_backend", "netra_server", "test_framework"}]


def homes_of_test(source: Path) -> list[Path]:
    """Where the test of ``source`` may stand: under the same path, in one of the rooms."""
    below = source.parts[2:] if source.parts[:2] == ("netra_backend", "app") else source.parts
    return [Path("tests", room, *below[:-1], f"test_{source.name}") for room in TEST_ROOMS]


def does_something(source: str) -> bool:
    """Whether there is behaviour to test: a function with a body. Protocols, plain records and tables declare."""
    functions = (
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return any(not all(is_constant(line) for line in function.body) for function in functions)


def is_constant(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


@pytest.mark.parametrize(
    "name", ["UnifiedThing", "manager_compat", "LegacyBus", "string_utils", "Manager2V2", "log_old.py"]
)
def test_the_rule_on_names_notices_a_bad_one(name: str) -> None:
    assert is_banned(name)


@pytest.mark.parametrize(
    "name",
    [
        "UnifiedToolDispatcherFactory",
        "TestUnifiedToolDispatcherFactorySSotValidation",
        "Threshold",
        "holder",
        "compatible",
        "household",
    ],
)
def test_the_rule_on_names_leaves_others_alone(name: str) -> None:
    assert not is_banned(name)


def test_names_say_what_a_thing_is(root: Path, python_files: list[Path]) -> None:
    bad = [f"{path}" for path in python_files if is_banned(path.stem) or is_banned(path.name)]
    for path in python_files:
        bad += [f"{path}: {name}" for name in defined_names(ast.parse((root / path).read_text())) if is_banned(name)]
    assert bad == []


def test_a_protocol_or_a_table_has_no_behaviour_and_a_function_has() -> None:
    assert not does_something('class Port(Protocol):\n    def take(self) -> bytes:\n        """Bytes."""\n\nLIMIT = 3')
    assert does_something("def double(x):\n    return 2 * x")


def test_every_source_file_has_its_test_under_the_same_path(root: Path, python_files: list[Path]) -> None:
    assert homes_of_test(Path("netra_backend/app/core/ids.py"))[0] == Path("tests/unit/core/test_ids.py")
    assert homes_of_test(Path("test_framework/prove.py"))[0] == Path("tests/unit/test_framework/test_prove.py")
    untested = [
        str(path)
        for path in sources(python_files)
        if does_something((root / path).read_text())
        and not any((root / home).is_file() for home in homes_of_test(path))
    ]
    assert not untested, "no test for:\n" + "\n".join(untested)


def test_no_file_is_longer_than_a_reader_can_hold(root: Path, python_files: list[Path]) -> None:
    lengths = {str(path): len((root / path).read_text().splitlines()) for path in sources(python_files)}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_package_files_hold_a_docstring_and_nothing_else_but_where_people_import_from_the_package(
    root: Path, python_files: list[Path]
) -> None:
    for path in sources(python_files):
        if path.name == "__init__.py" and path not in IMPORTED_FROM:
            body = ast.parse((root / path).read_text()).body
            assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body), path


def missing_from_map(docstring: str, modules: Iterable[str]) -> list[str]:
    """The modules and packages that the docstring of their package does not name."""
    return [name for name in modules if f"``{name}``" not in docstring]


def test_a_map_that_leaves_a_module_out_is_noticed() -> None:
    assert missing_from_map("- ``ids``: ids", ["ids", "limits"]) == ["limits"]


def test_the_docstring_of_each_package_is_a_map_of_its_modules(root: Path, python_files: list[Path]) -> None:
    missing = {}
    for package in (path.parent for path in sources(python_files) if path.name == "__init__.py"):
        docstring = ast.get_docstring(ast.parse((root / package / "__init__.py").read_text())) or ""
        modules = {path.stem for path in python_files if path.parent == package} - {"__init__"}
        modules |= {
            path.parent.name for path in python_files if path.parent.parent == package and path.name == "__init__.py"
        }
        missing[str(package)] = missing_from_map(docstring, sorted(modules))
    assert {package: names for package, names in missing.items() if names} == {}


def test_nothing_is_left_unfinished(root: Path, python_files: list[Path]) -> None:
    marks = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error"]))
    assert [str(path) for path in python_files if marks.search((root / path).read_text())] == []
