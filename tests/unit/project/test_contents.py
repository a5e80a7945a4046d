"""What the repository may hold: nothing that belongs to one machine or to one package index."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

INDEX_HOSTS = re.compile(
    "|".join(  # written in halves, so that this file passes its own test
        re.escape(first + second)
        for first, second in [
            ("pypi", ".org"),
            ("python", "hosted.org"),
            ("npm", "js.org"),
            ("yarn", "pkg.com"),
            ("proxy.go", "lang.org"),
            ("deb", ".debian.org"),
            ("index", "-url ="),
        ]
    )
)
MACHINE_PATHS = re.compile(r"(?<![\w.~-])/(?:work|root|Users/\w+|home/(?!netra\b)\w+)/")
ADDRESS = re.compile(r"[a-z+]+://")


def text_of(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")


@pytest.mark.parametrize("line", ["see https://pypi" + ".org/simple", "resolved: https://registry.npm" + "js.org/x"])
def test_the_rule_on_index_hosts_notices_one(line: str) -> None:
    assert INDEX_HOSTS.search(line)


@pytest.mark.parametrize("line", ["cd /wo" + "rk/main", 'open("/ro' + 'ot/.netrc")', "PATH=/Us" + "ers/me/bin"])
def test_the_rule_on_machine_paths_notices_one(line: str) -> None:
    assert MACHINE_PATHS.search(line)


@pytest.mark.parametrize("line", ["netra_backend/work/x", "../root/x", "https://example.com/home", "~/work/x"])
def test_the_rule_on_machine_paths_leaves_other_paths_alone(line: str) -> None:
    assert not MACHINE_PATHS.search(line)


def test_no_file_names_a_package_index(root: Path, files: list[Path]) -> None:
    assert [str(path) for path in files if INDEX_HOSTS.search(text_of(root / path))] == []


def test_no_file_holds_a_path_of_one_machine(root: Path, files: list[Path]) -> None:
    assert [str(path) for path in files if MACHINE_PATHS.search(text_of(root / path))] == []


def test_locks_carry_hashes_and_no_address(root: Path) -> None:
    locks = sorted((root / "requirements").glob("*.lock"))
    assert {lock.name for lock in locks} >= {"runtime.lock", "dev.lock", "installer.lock"}
    for lock in locks:
        text = lock.read_text()
        pins = re.findall(r"^[a-z0-9._-]+(?:\[[a-z,]+\])?==\S+.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
        assert pins, f"{lock.name} pins nothing"
        assert [pin.splitlines()[0] for pin in pins if "--hash=sha256:" not in pin] == []
        assert not ADDRESS.search(text), f"{lock.name} holds an address"


def test_development_runs_the_very_versions_that_are_shipped(root: Path) -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^\S+==[^\\\n]+", (root / "requirements" / name).read_text(), re.MULTILINE))

    assert pins("runtime.lock") <= pins("image.lock") <= pins("dev.lock")


def test_there_is_no_lock_that_records_addresses(root: Path, files: list[Path]) -> None:
    assert [str(path) for path in files if path.name in {"uv.lock", "poetry.lock", "Pipfile.lock", "yarn.lock"}] == []
    for path in files:
        if path.name == "package-lock.json":
            packages = json.loads((root / path).read_text())["packages"]
            assert [name for name, entry in packages.items() if "resolved" in entry] == []
