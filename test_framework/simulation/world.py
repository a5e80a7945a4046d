"""Plays one schedule: users with their devices, one server process after the other over one store, and the weather."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any, Final

from netra_backend.app.core.frames import ExecuteAgent
from netra_backend.app.core.identity import CLOCK_LEEWAY_MS, Identity
from netra_backend.app.core.limits import Limits
from test_framework.memory.store import KeptThread, MemoryStore

from ..clock import SeededEntropy
from . import schedule as act
from .device import Command, Device, User
from .link import Link
from .process import SCOPES, Outside, ServerProcess, Weather
from .schedule import Action, Schedule
from .truth import RecordedStore, Truth
from .virtual_loop import VirtualClock, VirtualLoop
from .workers import Plan

PATIENCE_S: Final = 120.0
"""After the last action everything must have come to rest within this (virtual) time."""


class World:
    """Everything there is in one simulation."""

    def __init__(self, schedule: Schedule, loop: VirtualLoop) -> None:
        self.schedule = schedule
        self.truth = Truth()
        self.rng = rng = Random(f"world {schedule.seed}")
        self._loop = loop
        self.clock = VirtualClock(loop)
        self.store = RecordedStore(self.truth)
        self.weather = Weather(
            rng,
            slowest_commit=rng.choice([0.001, 0.05, 0.4, 1.0]),
            slowest_read=rng.choice([0.001, 0.05, 0.3]),
            slowest_tool=rng.choice([0.01, 0.3, 2.0]),
            slowest_network=rng.choice([0.05, 0.3, 1.0]),
        )
        limits = Limits(
            outbox_bytes=rng.choice([8_192, 16_384, 65_536]),
            outbox_stall_s=2.0,
            heartbeat_ms=2000,
            pong_timeout_s=1.9,
            runs=rng.choice([2, 10]),
            drain_s=rng.choice([0.1, 1.0]),
            park_s=Random(f"pauses {schedule.seed}").choice([1.0, 60.0]),
        )
        entropy = SeededEntropy(f"entropy {schedule.seed}")
        page_events = rng.choice([1, 4, 20])
        self._outside = Outside(loop, self.clock, entropy, self.store, self.truth, self.weather, limits, page_events)
        self.backup: MemoryStore = self.store.copy()
        self.processes: list[ServerProcess] = []
        self._drains: list[asyncio.Task[None]] = []  # a loop itself does not keep its tasks alive
        self._links: dict[Device, Link] = {}
        self.users = [User(f"user_{number}") for number in range(len(schedule.devices))]
        self.devices = [
            Device(
                f"{user.user_id}.{number}",
                user,
                self,
                self.truth,
                loop,
                Random(f"{user.user_id} {number} {schedule.seed}"),
            )
            for user, count in zip(self.users, schedule.devices, strict=True)
            for number in range(count)
        ]
        self._open()

    # --- servers ----------------------------------------------------------------------------------------------------

    @property
    def process(self) -> ServerProcess:
        """The newest."""
        return self.processes[-1]

    def _open(self) -> None:
        """The server begins."""
        self._start()

    def _start(self) -> None:
        process = ServerProcess(self._outside, self._log_failed)
        self.processes.append(process)
        process.start()

    def _log_failed(self, process: ServerProcess) -> None:
        self._loop.call_later(self.rng.random() / 2, self._end_failed, process)

    def _end_failed(self, process: ServerProcess) -> None:
        was_newest = process is self.process
        if process.alive:
            process.kill()
        if was_newest:
            self._start()

    def open_link(self, device: Device) -> Link:
        """``device.Server``."""
        link = Link(self._loop, device.rng, device, window=device.window, slowest=self.weather.slowest_network)
        now_ms = self.clock.now_ms()
        ends_ms = now_ms + self.rng.choice([3_000, 3_600_000, 3_600_000])
        self.process.connect(link, Identity(device.user.user_id, SCOPES, ends_ms - CLOCK_LEEWAY_MS, now_ms))
        self._links[device] = link
        return link

    def _link_of(self, device: Device) -> Link | None:
        return self._links[device] if device.link is not None else None

    # --- the schedule -----------------------------------------------------------------------------------------------

    async def play(self) -> None:
        """Act, then let everything come to rest."""
        for action in self.schedule.actions:
            await self._until(action.at)
            self._do(action)
        await self._until(act.ENDS_AT)
        self.weather.calm()
        for device in self.devices:
            link = self._link_of(device)
            if link is not None:
                link.to_lose = 0
                link.go_on()
        self.process.misrouted = None
        self._calm()
        await self._rest()

    def _calm(self) -> None:
        """From now on nothing befalls the server."""
        for process in self.processes[:-1]:
            if process.alive:
                process.kill()

    async def _until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - self._loop.time()))

    async def _rest(self) -> None:
        began = self._loop.time()
        unrest = self.unrest()
        while unrest:
            if self._loop.time() - began > PATIENCE_S:
                self.truth.broke(f"rest: {unrest}")
                return
            await asyncio.sleep(0.5)
            unrest = self.unrest()

    async def end(self) -> None:
        """Everybody goes home, and the server is stopped; what is left over then was leaked."""
        for device in self.devices:
            device.leave()
        await asyncio.sleep(5.0)
        for process in [each for each in self.processes if each.alive]:
            await process.drain()
            await asyncio.sleep(1.0)
            self._look_for_leaks(process)

    def _look_for_leaks(self, process: ServerProcess) -> None:
        left = {
            "connections": len(process.pool),
            "engines": process.engines.get_factory_metrics()["engines_active"],
            "emitters": process.bridge.get_factory_metrics()["emitters_active"],
            "users with something": sum(
                not process.quotas.of(user.user_id, self.clock.monotonic()).idle for user in self.users
            ),
        }
        for what, count in left.items():
            if count:
                self.truth.broke(f"leaks: {count} {what} are left at the end")

    def unrest(self) -> str:
        """What is still going on; empty at rest."""
        for process in self._serving():
            if not process.alive or not process.ready or process.log.failed:  # then another one comes
                return "no server is up"
            if len(process.turns):
                return f"{len(process.turns)} runs go on: {[active.run.run_id for active in process.turns.scheduler.all()]}"
            if asleep := len(process.turns.scheduler.parked):
                return f"{asleep} runs sleep"
        for device in self.devices:
            for key, command in device.user.commands.items():
                if not command.is_answered:
                    return f"request {key} was not answered"
            mine = {thread.thread_id: (thread.epoch, thread.top) for thread in self.kept(device.user.user_id)}
            if unrest := device.unrest(mine):
                return unrest
        return ""

    def _serving(self) -> list[ServerProcess]:
        """The processes that are to come to rest."""
        return [self.process]

    def kept(self, user_id: str) -> Iterator[KeptThread]:
        """The user's threads as they are stored."""
        return (thread for thread in self.store.threads.values() if thread.owner == user_id)

    def _do(self, action: Action) -> None:
        if isinstance(action, act.OfDevice):
            self._of_device(action, self.devices[action.device])
        elif isinstance(action, act.Retain):
            before_ms = self.clock.now_ms() - round(action.seconds * 1000)
            self.truth.unwanted.update(
                thread.thread_id for thread in self.store.threads.values() if thread.updated_ms < before_ms
            )
            self.process.retain(before_ms)
        elif isinstance(action, act.FailCommit):
            self.weather.failing_commits = 1
        elif isinstance(action, act.BackUp):
            self.backup = self.store.copy()
        elif isinstance(action, act.Restart):
            self._restart(action)
            if action.again:
                soon = action.after + 0.05 + self.rng.random() / 2
                self._loop.call_later(soon, self._again, replace(action, again=action.again - 1))

    def _again(self, action: act.Restart) -> None:
        if self._loop.time() < act.ENDS_AT:
            self._do(action)

    def _restart(self, action: act.Restart) -> None:
        process = self.process
        if not process.alive:  # another one comes already
            return
        if action.how == "drain":
            self._drains.append(self._loop.create_task(self._drain(process, action)))
            return
        if action.how == "zombie":
            process.isolate()
        else:
            process.kill()
        self._loop.call_later(action.after, self._start_again, process, action)

    async def _drain(self, process: ServerProcess, action: act.Restart) -> None:
        await process.drain()
        self._loop.call_later(action.after, self._start_again, process, action)

    def _start_again(self, process: ServerProcess, action: act.Restart) -> None:
        if process is not self.process:
            return
        if action.restore:
            for each in self.processes:
                if each.alive:
                    each.kill()
            self.store.restore(self.backup, (self.rng.randbytes(8).hex() for _ in self.backup.threads))
        if action.cut:
            self._cut_histories()
        self._start()

    def _cut_histories(self) -> None:
        """Forget the beginning of threads in which nothing goes on."""
        busy = {run.thread_id for run in self.store.runs.values() if not run.ended_seq}
        for thread in self.store.threads.values():
            if thread.owner and thread.thread_id not in busy:
                count = self.rng.randint(0, len(thread.rows))
                thread.oldest += count
                del thread.rows[:count]

    # --- devices ----------------------------------------------------------------------------------------------------

    def _of_device(self, action: act.OfDevice, device: Device) -> None:
        link = self._link_of(device)
        if isinstance(action, act.Ask):
            self._ask(action, device)
        elif isinstance(action, act.Repeat):
            if key := _picked(device.user.commands, action.pick):
                device.send(device.user.commands[key].frame)
        elif isinstance(action, act.Stop):
            if run_id := _picked(device.user.runs, action.pick):
                device.cancel(run_id)
        elif isinstance(action, act.Pry):
            if thread_id := _picked(self._foreign(device), action.pick):
                device.pry(thread_id)
        elif isinstance(action, act.Drop):
            device.drop(action.noticed_after)
        elif isinstance(action, act.Delete):
            if thread_id := _picked(device.user.threads, action.pick):
                self.truth.unwanted.add(thread_id)
                self.process.delete(device.user.user_id, thread_id)
        elif link is not None and isinstance(action, act.Stall):
            link.stall()
            self._loop.call_later(action.seconds, link.go_on)
        elif link is not None and isinstance(action, act.Lose):
            link.to_lose = action.count
        elif isinstance(action, act.Misroute):
            device.misrouted = True
            for connection in self.process.connections:
                if connection.link is link:
                    self.process.misrouted = connection

    def _foreign(self, device: Device) -> list[str]:
        return [thread_id for thread_id, owner in self.truth.owners.items() if owner != device.user.user_id]

    def _ask(self, action: act.Ask, device: Device) -> None:
        user = device.user
        key = device.new_key()
        thread_id: str | None = None
        if action.thread == "own":
            thread_id = f"{user.user_id}-thread-{action.pick}"
        elif action.thread == "shared":
            thread_id = f"shared_thread_{action.pick % 2}"
        elif action.thread == "known":
            thread_id = _picked(user.threads, action.pick)
        elif action.thread == "foreign":
            thread_id = _picked(self._foreign(device), action.pick)
            if thread_id is None:
                return
        policy: Any = action.policy
        message = Plan(key, user.user_id, action.steps).encoded()
        frame = ExecuteAgent("worker", message, id=key, thread_id=thread_id, policy=policy)
        user.commands[key] = Command(key, frame)
        device.request(key)


def _picked(choices: Any, pick: int) -> str | None:
    listed = list(choices)
    return listed[-1 - pick % len(listed)] if listed else None
