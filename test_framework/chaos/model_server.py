"""The language model of the frameworks' agents: a process of its own, so that what it was asked outlives every server.

``python -m test_framework.chaos.model_server FILE``: it serves on loopback until it is ended, prints its URL as a line of JSON,
and notes each request as a line of ``FILE`` before it answers.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from ..reaper import in_child
from ..scripted_model import ModelAnswer, ModelRequest, ScriptedModel, scripted_model
from .framework_script import answer, state_of

USER: Final = re.compile(rb"user_[0-9a-f]{32}")


class Asked(msgspec.Struct, frozen=True):
    """One request that came: by which framework's agent, in which turn of the run that was asked under which key, for which user;
    a digest of its body, and every user who is named in it."""

    framework: str
    key: str
    turn: int
    user: str
    fingerprint: str
    named: tuple[str, ...]


def read_asked(path: Path) -> list[Asked]:
    """Every request, in order."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Asked) for line in lines]


class ModelServer:
    """The process. Used as a context; servers are given ``settings``."""

    def __init__(self, asked: Path) -> None:
        self.settings: dict[str, str] = {}
        self._asked = asked
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "test_framework.chaos.model_server", str(self._asked)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=in_child())
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.stdout.close()
            raise RuntimeError(f"the model's process ended with {self._process.wait()}")
        self.settings = json.loads(line)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()


async def _serve(path: Path) -> None:
    model: ScriptedModel
    with path.open("ab", buffering=0) as file:

        def note(request: ModelRequest) -> ModelAnswer:
            file.write(msgspec.json.encode(_asked(request)) + b"\n")
            model.requests.clear()  # in the file from now on
            return answer(request)

        async with scripted_model(note) as model:
            print(json.dumps(model.settings), flush=True)
            await asyncio.get_running_loop().create_future()


def _asked(request: ModelRequest) -> Asked:
    plan, turn, _ = state_of(request)
    body = msgspec.json.encode(request.body, order="deterministic")
    named = sorted({found.decode() for found in USER.findall(body)})
    return Asked(request.body["model"], plan.key, turn, plan.user, hashlib.sha256(body).hexdigest(), tuple(named))


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
