"""One name to install: no text sends anybody to another distribution, or says another command than the one there is."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from netra_backend.distribution import NAME, Extra, install_hint

SHORT = "net" + "ra"  # what the command is called, and on the index somebody else's distribution
WORDS = r"(?:\s+[^\s`;&|#]+)*?\s+"
OTHERS = (
    re.compile(rf"(?<![\w-]){SHORT}\["),
    re.compile(
        rf"\b(?:uvx|(?:pip3?|pipx|uv|poetry|pdm|conda){WORDS}(?:install|add|run)){WORDS}['\"]?{SHORT}(?![\w./-])"
    ),
    re.compile(rf"\b(?:version|distribution|metadata|requires|files)\(\s*['\"]{SHORT}['\"]"),
    re.compile(rf"(?<![\w-]){SHORT} \(pyproject\.toml"),
)
ANY_HINT = re.compile(
    rf"(?:\bpip )?\binstall\s+(?:-\S+\s+)*['\"]?(?:\.|{NAME}|{NAME.replace('-', '_')})\[[^\]\n]*\]['\"]?"
)
HINTS = {install_hint(extra) for extra in get_args(Extra)}


def faults(text: str) -> Iterator[str]:
    """What names another distribution than ours, or an extra in other words than the one hint."""
    for number, line in enumerate(text.splitlines(), 1):
        for pattern in OTHERS:
            yield from (f"line {number}: {found[0]} is not ours" for found in pattern.finditer(line))
        rest = line
        for hint in HINTS:
            rest = rest.replace(hint, "")
        yield from (f"line {number}: {found[0]} is not the hint" for found in ANY_HINT.finditer(rest))
        if f"{NAME}[" in rest:
            yield f"line {number}: an extra without the hint"


@pytest.mark.parametrize(
    "line",
    [
        f"with `{SHORT}[scale]`",
        f"pip install {SHORT}",
        f"    pip install -U '{SHORT}>=0.2'",
        f"uv add {SHORT}",
        f"RUN uv pip install --no-deps {SHORT}==0.2.0",
        f'version("{SHORT}")',
        f"    # via {SHORT} (pyproject.toml)",
        "pip install '.[" + "nothing]'",
        'pip install ".[' + 'scale]"',
        "pip install -e '.[" + "scale,models]'",
        "install .[" + "models]",
        "pip install " + NAME + "[dev]",
        "the extra " + NAME + "[dev]",
    ],
)
def test_the_rule_notices_another_name_and_another_hint(line: str) -> None:
    assert list(faults(line))


@pytest.mark.parametrize(
    "line",
    [
        *sorted(HINTS),
        f"pip install {NAME}",
        "pip install --no-deps --no-build-isolation --no-index -e .",
        f"uv pip install --python /opt/{SHORT}/bin/python --require-hashes -r requirements/image.lock",
        f"docker build -f deploy/Dockerfile -t {SHORT} .",
        f"pip install 'moto[s3]' for the tests; `{SHORT} check` says the rest",
        f"how do i install the {SHORT} client",
        f'self._names = ["{SHORT}"]',
    ],
)
def test_the_rule_leaves_other_lines_alone(line: str) -> None:
    assert list(faults(line)) == []


def test_no_text_names_another_distribution_or_another_command(root: Path, files: list[Path]) -> None:
    found = [
        f"{path}, {fault}"
        for path in files
        for fault in faults((root / path).read_bytes().decode(errors="replace"))
        if path.name != Path(__file__).name
    ]
    assert found == []


def test_messages_take_the_command_from_its_one_home(root: Path, python_files: list[Path]) -> None:
    written = [str(path) for path in python_files if any(hint in (root / path).read_text() for hint in HINTS)]
    assert written == []


@pytest.mark.parametrize(("document", "extras"), [("README.md", get_args(Extra)), ("docs/datasets.md", ["scale"])])
def test_documents_say_how_an_extra_is_installed(root: Path, document: str, extras: list[Extra]) -> None:
    text = (root / document).read_text()
    assert [extra for extra in extras if install_hint(extra) not in text] == []


def test_every_package_that_is_shipped_is_typed_and_checked(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert project["tool"]["mypy"]["packages"] == [*packages, "tests"]
    assert project["tool"]["importlinter"]["root_packages"] == packages
    assert set(packages) < set(project["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"])
    assert [package for package in packages if not (root / package / "py.typed").is_file()] == []
