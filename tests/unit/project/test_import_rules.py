"""The import contracts hold, and each of them can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

VIOLATIONS = {
    "Nothing imports the public package": ("usage/intruder.py", "import netra_server"),
    "Imports point down": ("services/intruder.py", "import netra_backend.app.web"),
    "The core is pure": ("core/intruder.py", "import time"),
    "Drivers live in adapters": ("agents/intruder.py", "import duckdb"),
    "Only wiring, commands and the kit": ("web/intruder.py", "import netra_backend.app.adapters"),
    "The client knows the wire": ("../client/intruder.py", "import netra_backend.app.services"),
    "Production never imports the kit": ("usage/intruder.py", "import test_framework"),
    "No cycles": ("core/intruder.py", "import netra_backend.app.services.user_execution_context"),
}


def lint(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=directory, capture_output=True, text=True
    )


def copy_of_sources(root: Path, files: list[Path], directory: Path) -> Path:
    for path in files:
        if path.parts[0] in {"netra_backend", "netra_server", "test_framework"} or path.name == "pyproject.toml":
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_bytes((root / path).read_bytes())
    return directory


def test_every_contract_holds(root: Path) -> None:
    done = lint(root)
    assert done.returncode == 0, done.stdout
    assert f"Contracts: {len(VIOLATIONS)} kept, 0 broken" in done.stdout


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_contract_notices_its_violation(root: Path, files: list[Path], tmp_path: Path, contract: str) -> None:
    where, line = VIOLATIONS[contract]
    directory = copy_of_sources(root, files, tmp_path)
    (directory / "netra_backend/app" / where).write_text(f'"""Breaks a rule."""\n\n{line}\n')
    done = lint(directory)
    assert done.returncode == 1
    broken = [text for text in done.stdout.splitlines() if " BROKEN" in text]
    assert any(text.startswith(contract) for text in broken), done.stdout


@pytest.mark.parametrize(("module", "code"), [("testing", 0), ("intruder", 1)])
def test_of_the_public_package_only_its_testing_imports_the_kit(
    root: Path, files: list[Path], tmp_path: Path, module: str, code: int
) -> None:
    directory = copy_of_sources(root, files, tmp_path)
    (directory / "netra_server" / f"{module}.py").write_text('"""Of a test."""\n\nimport test_framework.clock\n')
    done = lint(directory)
    assert done.returncode == code, done.stdout
    assert ("Production never imports the kit BROKEN" in done.stdout) is bool(code)
