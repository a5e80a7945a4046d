"""The load generators: C programs, compiled on the spot, so that a Python client is never what is measured."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from .machine import WORKSHOP, cores, pinned

SOURCES = Path(__file__).parent / "generators"


def built(name: str) -> Path:
    """The program ``name``, compiled now if its source is newer."""
    program = WORKSHOP / "bin" / name
    sources = [SOURCES / f"{name}.c", SOURCES / "kit.h"]
    if program.exists() and program.stat().st_mtime > max(source.stat().st_mtime for source in sources):
        return program
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise SystemExit("A C compiler is needed for the load generators: apt-get install gcc libc6-dev")
    program.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([compiler, "-O2", "-Wall", "-o", str(program), str(sources[0]), "-lm"], check=True)
    return program


def command(name: str, **options: Any) -> list[str]:
    """The command line of generator ``name`` on its core."""
    return pinned(cores()[1], _words(name, options))


def _words(name: str, options: dict[str, Any]) -> list[str]:
    return [str(built(name)), *(word for key, value in options.items() for word in (f"--{key}", str(value)))]


def start(name: str, **options: Any) -> subprocess.Popen[str]:
    """Start generator ``name``; ``finish`` waits for it."""
    return _started(command(name, **options))


def start_anywhere(name: str, **options: Any) -> subprocess.Popen[str]:
    """As ``start``, on whichever core is free."""
    return _started(_words(name, options))


def _started(words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a generator; what it measured.

    A run with faults, refusals or requests without an answer is no measurement: it raises ``RuntimeError``.
    """
    output, said = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the generator failed: {said.strip() or process.returncode}")
    measured: dict[str, Any] = json.loads(output)
    wrong = {key: measured[key] for key in ("faults", "refusals", "unanswered") if measured[key]}
    if wrong or not measured["replies"]:
        raise RuntimeError(f"nothing was measured: {wrong or 'no replies'} {said.strip()[:500]}")
    return measured


def run(name: str, **options: Any) -> dict[str, Any]:
    """Run generator ``name`` to its end; what it measured."""
    return finish(start(name, **options))


class Held:
    """Connections that are opened and held, cut and brought back on demand."""

    def __init__(self, **options: Any) -> None:
        self._process = subprocess.Popen(
            command("wsload", mode="idle", **options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.opened = self._answer()

    def cut_and_return(self) -> dict[str, Any]:
        """Cut every connection at once; returns when all are back."""
        assert self._process.stdin is not None
        self._process.stdin.write("cut\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Let all connections go."""
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the generator ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer
