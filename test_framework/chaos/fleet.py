"""Users with devices at a real server: they ask, are cut off, come back by themselves, and keep all that they were told."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Final, Protocol

from netra_backend.app.core.events import decode_event
from netra_backend.app.core.frames import ExecuteAgent

from ..ids import new_id
from ..simulation.device import ENDS, Command, Device, User
from ..simulation.truth import Truth
from ..simulation.views import View
from ..simulation.workers import COUNT, Plan
from .framework_script import FRAMEWORKS
from .judge import Seen, Story
from .socket_link import SocketLink

DEVICES_EACH: Final = 2
THREADS_EACH: Final = 3
MOST_UNANSWERED: Final = 3
FRAMEWORK_SHARE: Final = 0.1
FRAMEWORK_CLIENTS: Final = 12
"""This share of the requests is for agents of frameworks, but no more than so many clients send: one takes as much work as some
twenty others."""

_QUICK: Final = ("think", "say", "look", "charge", "charge", "gate", "boom", "pair", "pair", "lines", "lines")
STEPS: Final = (*_QUICK, "ask", "nap", "delegate", COUNT, COUNT)
_ENDS: Final = tuple(f'{{"type":"{end}"'.encode() for end in ENDS)


class Servers(Protocol):
    """Where devices connect to."""

    @property
    def websocket_url(self) -> str:
        """Where its WebSockets are."""

    def token(self, user_id: str) -> str:
        """A token that the server takes."""


class Fleet:
    """``clients`` devices, two of each user. ``truth.broken`` is what they noticed on the way."""

    def __init__(self, clients: int, servers: Servers, rng: Random) -> None:
        self.truth = Truth()
        self.rng = rng
        self.cuts = 0
        self._servers = servers
        self.users = [self._new_user() for _ in range((clients + DEVICES_EACH - 1) // DEVICES_EACH)]
        self.devices = [
            self._new_device(self.users[number // DEVICES_EACH], str(number % DEVICES_EACH))
            for number in range(clients)
        ]
        self._readers: dict[str, Device] = {}

    def _new_user(self) -> User:
        user = User(new_id("user"))
        for number in range(THREADS_EACH):
            self.truth.owned.add((f"{user.user_id}-thread-{number}", user.user_id))
        return user

    def _new_device(self, user: User, name: str) -> Device:
        loop = asyncio.get_running_loop()
        return Device(f"{user.user_id}.{name}", user, self, self.truth, loop, Random(self.rng.random()))

    def open_link(self, device: Device) -> SocketLink:
        """``device.Server``."""
        user_id = device.user.user_id  # a token for each connection: a scenario may last longer than one lives
        return SocketLink(device, f"{self._servers.websocket_url}/ws/{user_id}", self._servers.token(user_id))

    # --- what they do -----------------------------------------------------------------------------------------------

    async def ask_on(self, pause_s: float) -> None:
        """Have every device ask from time to time, and stop a run now and then, until this is cancelled."""
        async with asyncio.TaskGroup() as group:
            for device in self.devices:
                group.create_task(self._ask_on(device, pause_s))

    async def _ask_on(self, device: Device, pause_s: float) -> None:
        rng = device.rng
        while True:
            await asyncio.sleep(rng.random() * 2 * pause_s)
            user = device.user
            if sum(not command.is_answered for command in user.commands.values()) < MOST_UNANSWERED:
                self.ask(device)
            if user.runs and rng.random() < 0.03:
                device.cancel(list(user.runs)[-1])

    def ask(self, device: Device) -> None:
        """One request under a key of its own."""
        rng, user = device.rng, device.user
        key = device.new_key()
        agent, steps = "worker", tuple(rng.choice(STEPS) for _ in range(rng.randrange(5)))
        if rng.random() < min(FRAMEWORK_SHARE, FRAMEWORK_CLIENTS / len(self.devices)):
            agent, steps = rng.choice(FRAMEWORKS), ()
        thread_id = f"{user.user_id}-thread-{rng.randrange(THREADS_EACH)}"
        user.commands[key] = Command(
            key, ExecuteAgent(agent, Plan(key, user.user_id, steps).encoded(), id=key, thread_id=thread_id)
        )
        device.request(key)

    async def cut_on(self, pause_s: float) -> None:
        """Cut every device off from time to time, until this is cancelled."""
        async with asyncio.TaskGroup() as group:
            for device in self.devices:
                group.create_task(self._cut_on(device, pause_s))

    async def _cut_on(self, device: Device, pause_s: float) -> None:
        while True:
            await asyncio.sleep(device.rng.random() * 2 * pause_s)
            if device.link is not None:
                self.cuts += 1
                device.drop(0.0)

    # --- the end ----------------------------------------------------------------------------------------------------

    def send_readers(self) -> None:
        """One more device for every user: it knows nothing and reads each thread from the beginning."""
        self._readers = {user.user_id: self._new_device(user, "reader") for user in self.users}

    async def rest(self, patience_s: float) -> None:
        """Wait until all is answered and ended and every device has all of it; a broken promise where that never comes."""
        deadline = asyncio.get_running_loop().time() + patience_s
        while unrest := self.unrest():
            if asyncio.get_running_loop().time() > deadline:
                self.truth.broke(f"rest: {unrest}")
                return
            await asyncio.sleep(0.5)

    def unrest(self) -> str:
        """What is still missing; empty at rest."""
        tops: dict[str, dict[str, tuple[str, int]]] = {}
        for user in self.users:
            views = self._readers[user.user_id].views
            ended = {run_id for view in views.values() for run_id in _ended_runs(view)}
            for command in user.commands.values():
                if not command.is_answered:
                    return f"{command.key} has no answer"
                if any(accepted[2] not in ended for accepted in command.accepted):
                    return f"the run of {command.key} has not ended"
            tops[user.user_id] = {view.thread_id: (view.epoch or "", view.top) for view in views.values()}
        for device in (*self.devices, *self._readers.values()):
            if unrest := device.unrest(tops[device.user.user_id]):
                return unrest
        return ""

    def leave(self) -> None:
        """Everybody goes."""
        for device in (*self.devices, *self._readers.values()):
            device.leave()

    def stories(self) -> list[Story]:
        """What each user's devices were told, beside what a reader found in the end."""
        stories = {
            user.user_id: Story(
                user.user_id,
                {
                    thread_id: Seen("reader", thread_id, view.first, view.frames)
                    for thread_id, view in self._readers[user.user_id].views.items()
                },
                {key: {accepted[1:] for accepted in command.accepted} for key, command in user.commands.items()},
            )
            for user in self.users
        }
        for device in self.devices:
            for view in (*device.archive, *device.views.values()):
                seen = Seen(device.name, view.thread_id, view.first, view.frames)
                stories[device.user.user_id].seen.append(seen)
        return list(stories.values())


def _ended_runs(view: View) -> set[str]:
    return {decode_event(frame).run_id for frame in view.frames if frame.startswith(_ENDS)}
