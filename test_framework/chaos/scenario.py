"""One scenario: a server, its clients, what is done to them, and what came of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import urlsplit

from ..users import LocalUsers
from .fleet import Fleet
from .forked_server import ForkedServer
from .framework_judge import framework_counts
from .judge import Story, framework_runs, judge, kind_of
from .model_server import Asked, ModelServer, read_asked
from .worker_server import EFFECTS_VARIABLE, read_effects

PATIENCE_S: Final = 120.0
LONGEST_LIFE_S: Final = 4.0
"""Of a server that is killed: half of them live for less than a quarter of it, some long enough for a run of several steps."""


@dataclass(frozen=True, slots=True)
class Plight:
    """What is done: for ``seconds``, or until the server was killed ``kills`` times where that is more than none."""

    clients: int = 500
    seconds: float = 120.0
    kills: int = 0
    cuts: bool = False
    pause_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it; ``broken`` is empty where every promise was kept."""

    broken: tuple[str, ...]
    counts: dict[str, int]

    def of_kind(self, kind: str) -> int:
        """How many promises of this kind were broken."""
        return sum(kind_of(each) == kind for each in self.broken)


async def endure(place: Path, plight: Plight, seed: int, say: Callable[[str], None]) -> Outcome:
    """Start a server in ``place`` and hold the scenario. ``say`` is told how it goes."""
    rng = Random(seed)
    effects = place / "effects"
    with ModelServer(place / "asked") as model, _Server(place / "data", effects, model) as server:
        fleet = Fleet(plight.clients, server, rng)
        doing = [asyncio.create_task(fleet.ask_on(plight.pause_s))]
        if plight.cuts:
            doing.append(asyncio.create_task(fleet.cut_on(2 * plight.pause_s)))
        try:
            if plight.kills:
                await _kill(server, plight.kills, rng, say)
            else:
                await _wait(plight.seconds, fleet, say)
        finally:
            await _end(doing)
        say("over; every client comes back to its position, and another reads from the beginning")
        fleet.send_readers()
        await fleet.rest(PATIENCE_S)
        stories = fleet.stories()
        fleet.leave()
    done, asked = read_effects(effects), read_asked(place / "asked")
    broken = (*fleet.truth.broken, *judge(stories, done, asked))
    return Outcome(broken, {**counted(fleet, stories, done, asked), "kills": plight.kills})


def counted(
    fleet: Fleet, stories: Sequence[Story], effects: Sequence[tuple[str, int]], asked: Sequence[Asked]
) -> dict[str, int]:
    """How much there was, by what it is called."""
    frames = [frame for story in stories for final in story.final.values() for frame in final.frames]
    kinds = Counter(frame[9 : frame.index(b'"', 9)].decode() for frame in frames)  # after {"type":"
    return {
        "clients": len(fleet.devices),
        "users": len(fleet.users),
        "requests": sum(len(user.commands) for user in fleet.users),
        "runs": kinds["user_message"],
        "runs completed": kinds["agent_completed"],
        "runs failed as planned": kinds["agent_failed"],
        "runs cancelled": kinds["agent_cancelled"],
        "events in the log": len(frames),
        "events with clients": sum(len(seen.frames) for story in stories for seen in story.seen),
        "effects of tools": len(effects),
        "steps side by side": sum(b'"step":"_line.' in frame or b'"step":"step:mark' in frame for frame in frames),
        "questions answered": kinds["question_answered"],
        "pauses": sum(b'"kind":"sleep"' in frame for frame in frames),
        "values changed": kinds["state_changed"],
        "agents asked by agents": sum(b'"kind":"agent"' in frame for frame in frames),
        "outcomes unknown": sum(b'"OUTCOME_UNKNOWN"' in frame for frame in frames),
        **framework_counts(framework_runs(stories), effects, asked),
        "cuts": fleet.cuts,
    }


class _Server(ForkedServer):
    """A server with the agents, whose users have tokens."""

    def __init__(self, data_dir: Path, effects: Path, model: ModelServer) -> None:
        settings = {EFFECTS_VARIABLE: str(effects), **model.settings}
        super().__init__(data_dir, settings, app="test_framework.chaos.worker_server")
        self._users = LocalUsers(data_dir)

    def token(self, user_id: str) -> str:
        return self._users.token_for(user_id).token


async def _wait(seconds: float, fleet: Fleet, say: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    while (left := began + seconds - loop.time()) > 0:
        await asyncio.sleep(min(10.0, left))
        asked = sum(len(user.commands) for user in fleet.users)
        say(f"{loop.time() - began:.0f} s: {asked} requests, {fleet.cuts} cuts")


async def _kill(server: ForkedServer, kills: int, rng: Random, say: Callable[[str], None]) -> None:
    port = urlsplit(server.url).port
    assert port is not None
    for number in range(1, kills + 1):
        await asyncio.sleep(rng.random() ** 2 * LONGEST_LIFE_S)
        server.kill()
        server.launch(port)  # from this thread: the kernel ends a child with the thread that started it
        await asyncio.to_thread(server.wait_until_ready)
        if number % 10 == 0 or number == kills:
            say(f"{number} of {kills} kills")


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
