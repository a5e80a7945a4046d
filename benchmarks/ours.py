"""Our own server under measurement, with everything on: tokens, validation, limits, journal, every event committed."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netra_backend.app.adapters.auth.development_key import development_key
from netra_backend.app.adapters.process.clock import SystemEntropy
from netra_backend.app.config import DEVELOPMENT
from netra_backend.app.services.token_minting import mint_token

from .machine import WORKSHOP
from .server import free_port, serving

NAME = "Netra, everything on"
GUARANTEES = "all, committed"
QUESTION = "What is up?"
_loads = itertools.count(1)


def request(first: int) -> str:
    """A request as a careful client asks: with an idempotency key, new for each load, in the thread of its user; ``first``
    is the number of the load's first user."""
    return json.dumps(
        {
            "type": "execute_agent",
            "id": f"{next(_loads)}-{{client}}-{{serial}}",
            "agent": "golden",
            "message": QUESTION,
            "thread_id": f"chat-{first}-{{client}}",
        }
    )


@dataclass(frozen=True, slots=True)
class Running:
    """Our server while it runs."""

    process: subprocess.Popen[bytes]
    port: int
    data_dir: Path

    def words(self, users: int, first: int = 0) -> dict[str, Any]:
        """The generator's words for so many signed-in users, from number ``first`` on, one connection each."""
        return {
            **self.arriving(users, first),
            "message": request(first),
            "first": '{"type":"agent_started"',
            "end": '{"type":"agent_completed"',
            "fail": '{"type":"error"',
        }

    def arriving(self, users: int, first: int = 0) -> dict[str, Any]:
        """The generator's words for users who only sign in."""
        return {"port": self.port, "clients": self._clients(users, first), "ready": '{"type":"connected"'}

    def _clients(self, users: int, first: int) -> Path:
        path = self.data_dir / f"clients-{first}-{users}"
        with path.open("w") as lines:
            for number in range(first, first + users):
                user = f"user-{number:05}"
                lines.write(f"/ws/{user}\tAuthorization: Bearer {token(self.data_dir, user)}\n")
        return path


def token(data_dir: Path, user: str) -> str:
    """A token for this user, signed as `netra token` signs it."""
    key = development_key(data_dir, SystemEntropy())
    now_ms = time.time_ns() // 1_000_000
    return mint_token(user, key=key, issuer=DEVELOPMENT.issuer, now_ms=now_ms, token_id=f"tok-{user}")


def empty_data_dir(name: str) -> Path:
    """A fresh data directory on the disk whose syncs are measured."""
    path = WORKSHOP / "data" / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True, mode=0o700)
    return path


def command(port: int, data_dir: Path) -> list[str]:
    """The command line of our server."""
    return [sys.executable, "-m", "benchmarks.golden_server", "--port", str(port), "--data-dir", str(data_dir)]


@contextmanager
def running(data_dir: Path) -> Iterator[Running]:
    """Our server on this data directory until the block ends."""
    port = free_port()
    with serving(command(port, data_dir), port, WORKSHOP / "logs" / "netra.log") as process:
        yield Running(process, port, data_dir)
