"""``make audit``: whether security advisories are known about what is locked, for Python and for the page's tools.

Where no index of advisories can be reached, nothing is known, and that is said in so many words: silence means nobody looked.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .locks import LOCKS, ROOT, Locked, read_lock

OSV: Final = "https://api.osv.dev/v1/query"
TIMEOUT_S: Final = 15
"""For one question to the index."""
WHOLE_TIMEOUT_S: Final = 600
CONTROL: Final = Locked("jinja2", "2.4.1", "", (), ())
"""Advisories are known about this one since 2019. An index that knows none of them knows nothing about others, either."""
EXIT_FOUND: Final = 1
EXIT_NOT_AUDITED: Final = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about some packages: how many were asked about, what is known against them, and what stayed unasked.

    ``unknown`` is why nothing, or not everything, is known; "" if every package was asked about.
    """

    what: str
    asked: int
    found: tuple[str, ...] = ()
    unknown: str = ""

    def lines(self) -> list[str]:
        """The verdict for people."""
        told = [f"✗ {self.what}: {each}" for each in self.found]
        if self.unknown:
            told.append(f"! {self.what}: NOT AUDITED. {self.unknown}")
        elif not self.found:
            told.append(f"✓ {self.what}: no advisory is known about {self.asked} packages.")
        return told


def exit_code(verdicts: Sequence[Verdict], required: bool) -> int:
    """1 if an advisory is known; 3 if something was not asked about and must be (``required``); else 0."""
    if any(verdict.found for verdict in verdicts):
        return EXIT_FOUND
    return EXIT_NOT_AUDITED if required and any(verdict.unknown for verdict in verdicts) else 0


def layers(packages: Iterable[Locked]) -> list[list[Locked]]:
    """Every version once, in lists that name no package twice: an auditor takes the one whose marker fits its own machine."""
    seen: set[tuple[str, str]] = set()
    made: list[dict[str, Locked]] = []
    for package in packages:
        if (package.name, package.version) in seen:
            continue
        seen.add((package.name, package.version))
        free = next((layer for layer in made if package.name not in layer), None)
        if free is None:
            made.append(free := {})
        free[package.name] = package
    return [list(layer.values()) for layer in made]


def python_verdict(packages: Iterable[Locked], osv_url: str = OSV) -> Verdict:
    """Asks an index that speaks the API of OSV about each package."""
    made = layers(packages)
    expected = sum(map(len, made))
    asked, found, skipped = 0, list[str](), list[str]()
    for layer in ([CONTROL], *made):
        told, trouble = _asked(layer, osv_url)
        if told is None:
            return Verdict("Python", asked, tuple(found), f"No index of advisories answered ({osv_url}). {trouble}")
        if layer == [CONTROL]:
            if not any(package.get("vulns") for package in told["dependencies"]):
                lacking = f"{osv_url} knows no advisory about {CONTROL.name} {CONTROL.version}, which has several."
                return Verdict("Python", 0, unknown=lacking)
            continue
        for package in told["dependencies"]:
            if "skip_reason" in package:
                skipped.append(package["name"])
                continue
            asked += 1
            found += [
                f"{package['name']} {package['version']}: {each['id']}{_mended(each)}" for each in package["vulns"]
            ]
    unknown = ""
    if skipped or asked < expected:
        unknown = f"{expected - asked} of {expected} packages were not asked about: {', '.join(skipped) or 'unnamed'}."
    return Verdict("Python", asked, tuple(found), unknown)


def node_verdict(root: Path = ROOT) -> Verdict:
    """Asks npm's index about what the page is checked with."""
    npm = shutil.which("npm")
    if npm is None:
        return Verdict("Node", 0, unknown="npm is not installed.")
    # A setting of the project switches the audit of each installation off; this one is asked for.
    command = [npm, "audit", "--json", "--package-lock-only", "--audit", "--fetch-retries=0"]
    told, trouble = _told([*command, f"--fetch-timeout={TIMEOUT_S * 1000}"], root)
    if told is None or "vulnerabilities" not in told:
        reason = trouble if told is None else str(told.get("message") or told.get("error") or "")
        return Verdict("Node", 0, unknown=f"npm's index of advisories did not answer. {reason}".strip())
    total = told["metadata"]["dependencies"]["total"]
    found = [f"{name} {each['range']}: {each['severity']}" for name, each in told["vulnerabilities"].items()]
    return Verdict("Node", total, tuple(found))


def _asked(layer: Iterable[Locked], osv_url: str) -> tuple[dict[str, Any] | None, str]:
    with tempfile.TemporaryDirectory() as scratch:
        requirements = Path(scratch, "requirements.txt")
        requirements.write_text("".join(f"{each.name}=={each.version}\n" for each in layer))
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps", "--disable-pip"]
        command += ["--vulnerability-service", "osv", "--osv-url", osv_url, "--timeout", str(TIMEOUT_S)]
        command += ["--format", "json", "--progress-spinner", "off", "--cache-dir", str(Path(scratch, "cache"))]
        return _told(command)


def _told(command: list[str], cwd: Path | None = None) -> tuple[dict[str, Any] | None, str]:
    """The JSON object that a command prints, whatever its exit code; or none, and the last line of its complaint."""
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=WHOLE_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return None, f"It took longer than {WHOLE_TIMEOUT_S} s."
    try:
        told = json.loads(done.stdout)
    except ValueError:
        told = None
    if isinstance(told, dict):
        return told, ""
    return None, (done.stderr.strip().splitlines() or [f"It ended with {done.returncode}."])[-1]


def _mended(advisory: dict[str, Any]) -> str:
    versions = ", ".join(advisory.get("fix_versions") or [])
    return f", mended in {versions}" if versions else ""


def main(
    arguments: Sequence[str] | None = None, node: Callable[[], Verdict] = node_verdict, locks: Path = LOCKS
) -> int:
    """``python -m release.advisories [--required] [--osv-url URL]``."""
    parser = argparse.ArgumentParser(prog="make audit", description=__doc__, allow_abbrev=False)
    parser.add_argument("--required", action="store_true", help="fail where a package could not be asked about")
    parser.add_argument("--osv-url", default=OSV, help="an index that speaks OSV's API, such as a mirror of yours")
    chosen = parser.parse_args(arguments)
    packages = [each for lock in sorted(locks.glob("*.lock")) for each in read_lock(lock)]
    verdicts = [python_verdict(packages, chosen.osv_url), node()]
    for verdict in verdicts:
        print("\n".join(verdict.lines()))
    code = exit_code(verdicts, chosen.required)
    if code == 0 and any(verdict.unknown for verdict in verdicts):
        print("This is no clean result. ARGS=--required makes it a failure.")
    return code


if __name__ == "__main__":
    sys.exit(main())
