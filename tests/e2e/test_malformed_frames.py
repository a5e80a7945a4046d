"""Ten thousand malformed frames against a live server: each gets its documented answer, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from test_framework.chaos.socket_link import SocketLink
from test_framework.malformed import FAULTS, TOO_MANY_FAULTS, Malformed, malformed
from test_framework.server_process import ServerProcess
from test_framework.simulation.link import Cable
from test_framework.users import LocalUsers
from test_framework.websocket_client import websocket_client

ATTACKERS = 6
WARMING_UP = 250
FRAMES_EACH = 1700
MAX_GROWTH_KIB = 24 * 1024
MAX_FAULTS = 3
PATIENCE_SECONDS = 30.0


class Probe:
    """One connection; ``told`` are the frames that came, then the close code."""

    def __init__(self, url: str, token: str) -> None:
        self.told: asyncio.Queue[bytes | int | None] = asyncio.Queue()
        self.link = SocketLink(self, url, token)

    def came(self, link: Cable, frame: bytes) -> None:
        self.told.put_nowait(frame)

    def ended(self, link: Cable, code: int | None) -> None:
        self.told.put_nowait(code)

    async def next(self) -> bytes | int | None:
        """The next frame, or the close code."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.told.get()


class Attacker:
    """One user who sends nothing that is right. ``answers`` counts what came."""

    def __init__(self, url: str, users: LocalUsers, rng: Random) -> None:
        user = users.make("attacker@example.org")
        self.answers: Counter[str] = Counter()
        self._url, self._token, self._rng = f"{url}/ws/{user.id}", user.token, rng
        self._probe: Probe | None = None
        self._faults = 0

    async def send(self, frames: int) -> None:
        """Send so many malformed frames, on a new connection after each close, and compare every answer."""
        for _ in range(frames):
            if self._probe is None:
                self._probe, self._faults = Probe(self._url, self._token), 0
                assert b'"connected"' in (await self._probe.next() or b"")  # type: ignore[operator]  # a code fails too
            await self._send(self._probe, malformed(self._rng))

    async def _send(self, probe: Probe, sent: Malformed) -> None:
        probe.link.send_frame(sent.frame)
        close = sent.close
        if sent.error is not None:
            answer = await probe.next()
            assert isinstance(answer, bytes), f"{sent} was answered with the close code {answer}"
            told = json.loads(answer)
            assert (told["type"], told.get("error")) == ("error", sent.error), f"{sent} was answered with {told}"
            assert (told.get("code"), told.get("id")) == (sent.code, sent.id), f"{sent} was answered with {told}"
            self._faults += sent.error in FAULTS
            if self._faults == MAX_FAULTS:
                close = TOO_MANY_FAULTS
        if close is not None:
            code = await probe.next()
            assert code == close, f"{sent} should close with {close}: {code!r}"
            self._probe = None
        self.answers[sent.error or str(close)] += 1

    def leave(self) -> None:
        if self._probe is not None:
            self._probe.link.cut(0.0)


def resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        return int(re.findall(r"VmRSS:\s+(\d+)", status.read_text())[0])
    return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(pid)]))


@pytest.mark.long
async def test_every_malformed_frame_gets_its_answer_memory_is_flat_and_a_neighbour_is_unharmed(
    tmp_path: Path, seed: str
) -> None:
    async def golden_runs() -> None:
        async with websocket_client(server.websocket_url, neighbour.token) as client:
            while not over.is_set():
                frames = await client.run_agent("echo", "hello")
                kinds = [frame["type"] for frame in frames]
                expected = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]
                assert kinds == ["accepted", "user_message", *expected]
                unharmed.append(frames[-1]["result"]["data"]["repeated"] == {"user_id": neighbour.id, "text": "hello"})

    over, unharmed = asyncio.Event(), list[bool]()
    with ServerProcess(tmp_path / "data", app="test_framework.echo") as server:
        users = LocalUsers(server.data_dir)
        neighbour = users.make("neighbour@example.org")
        attackers = [Attacker(server.websocket_url, users, Random(f"{seed} {number}")) for number in range(ATTACKERS)]
        pid = server.process.pid
        async with asyncio.TaskGroup() as group:
            group.create_task(golden_runs())
            await asyncio.gather(*(attacker.send(WARMING_UP) for attacker in attackers))
            before = resident_kib(pid)
            await asyncio.gather(*(attacker.send(FRAMES_EACH) for attacker in attackers))
            growth = resident_kib(pid) - before
            over.set()
        for attacker in attackers:
            attacker.leave()
        told = sum((attacker.answers for attacker in attackers), Counter[str]())
        print(f"{told.total()} malformed frames, {growth} KiB more, {len(unharmed)} runs of a neighbour: {dict(told)}")
        assert told.total() >= 10_000
        assert told.keys() >= {
            *FAULTS,
            "invalid_context",
            "isolation_violation",
            "factory_command_refused",
            "not_found",
        }
        assert told.keys() >= {"1002", "1003", "1007", "1009"}
        assert growth < MAX_GROWTH_KIB
        assert unharmed
        assert all(unharmed)
