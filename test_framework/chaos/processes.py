"""Several server processes that share their stores, each with a port of its own; devices connect to any of them."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Final, Self
from urllib.parse import urlsplit

from ..server_process import ServerFailed
from ..users import SharedUsers
from .forked_server import ForkedServer
from .stores import Stores
from .worker_server import EFFECTS_VARIABLE

ISSUER: Final = "netra-chaos"
_RETRY_S: Final = 0.5
_DRAIN_S: Final = 45.0


class Process(ForkedServer):
    """One of them. ``troubled``: something is being done to it."""

    def __init__(self, number: int, place: Path, settings: dict[str, str]) -> None:
        super().__init__(place / f"data-{number}", settings, app="test_framework.chaos.worker_server", workers=1)
        self.number = number
        self.troubled = False
        self.port = 0

    async def come_back(self) -> int:
        """Start it (again) and wait until it is ready; how often that failed, since its stores were away."""
        failed = 0
        while True:
            self.launch(self.port)  # from this thread: the kernel ends a child with the thread that started it
            try:
                await asyncio.to_thread(self.wait_until_ready)
            except ServerFailed:
                failed += 1
                await asyncio.sleep(_RETRY_S)
                continue
            self.port = urlsplit(self.url).port or 0
            return failed

    async def drain(self) -> bool:
        """Ask it to end, and wait until it has; whether it did so in time and well. One that did not is killed."""
        self.process.terminate()
        deadline = time.monotonic() + _DRAIN_S
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                self.kill()
                return False
            await asyncio.sleep(0.05)
        return self._ended() == 0

    async def freeze(self, seconds: float) -> None:
        """Have it stand still, with everything that it holds."""
        self.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        self.signal(signal.SIGCONT)


class Processes:
    """``fleet.Servers``: ``count`` processes over the same stores, with agents of frameworks if ``model`` is how they reach their
    model. Used as a context."""

    def __init__(
        self,
        place: Path,
        count: int,
        stores: Stores,
        effects: Path,
        rng: Random,
        model: Mapping[str, str] | None = None,
    ) -> None:
        self._users = SharedUsers(ISSUER)
        self._rng = rng
        shared = {
            **(model or {}),
            EFFECTS_VARIABLE: str(effects),
            "NETRA_DATABASE_URL": stores.database_url,
            **self._users.settings,
        }
        self.all = [
            Process(number, place, {**shared, "NETRA_REDIS_URL": stores.redis_url(number)}) for number in range(count)
        ]

    @property
    def websocket_url(self) -> str:
        """That of any of them, whether it is well or not."""
        return self._rng.choice(self.all).websocket_url

    def token(self, user_id: str) -> str:
        """A token that all of them take."""
        return self._users.token(user_id)

    def pick(self, least_well: int) -> Process | None:
        """Any of those that are well, where more than ``least_well`` are; it is troubled from now on."""
        well = [each for each in self.all if not each.troubled]
        if len(well) <= least_well:
            return None
        picked = self._rng.choice(well)
        picked.troubled = True
        return picked

    async def start(self) -> Self:
        """Start all, one after the other."""
        for each in self.all:
            await each.come_back()
        return self

    def faults_logged(self) -> Counter[str]:
        """What they logged as errors, and how often."""
        lines = (line for each in self.all for line in each.log().splitlines() if '"level":"error"' in line)
        return Counter(_words(json.loads(line)) for line in lines)

    def keep_logs(self, place: Path) -> None:
        """Write the log of each into a directory."""
        place.mkdir(parents=True, exist_ok=True)
        for each in self.all:
            (place / f"server-{each.number}.log").write_text(each.log())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self.all:
            each.close()


def _words(told: dict[str, str]) -> str:
    fault = told.get("exception", "").strip().rpartition("\n")[2]
    return f"{told['event']} {fault}".strip()[:300]
