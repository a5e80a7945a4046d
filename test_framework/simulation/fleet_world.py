"""Plays one schedule on a server of several processes: each may die, drain, or be taken for dead while it goes on."""

from __future__ import annotations

from typing import Final, cast

from netra_backend.app.core.identity import CLOCK_LEEWAY_MS, Identity
from test_framework.memory.bus import MemoryHub
from test_framework.memory.peers import MemoryPeers

from . import schedule as act
from .device import Device
from .fleet_process import FleetProcess, Lines
from .link import Link
from .process import SCOPES, ServerProcess
from .schedule import Action
from .world import World

LEASE_MS: Final = 3000
_LOST: Final = 0.15
_SLOWEST_LINE_S: Final = 0.3


class FleetWorld(World):
    """As ``World``. What its processes say to each other is late, and some of it is lost."""

    def _open(self) -> None:
        self._chosen: FleetProcess | None = None
        self._calmed = False
        self.store.ownership.lease_ms = LEASE_MS
        self._lines = Lines(MemoryPeers(self._pace), MemoryHub(self._loop, self._pace))
        for _ in range(self.schedule.processes):
            self._start()

    def _pace(self) -> float | None:
        if self._calmed:
            return 0.001
        return None if self.rng.random() < _LOST else self.rng.random() * _SLOWEST_LINE_S

    @property
    def process(self) -> ServerProcess:
        """The one that the action at hand befalls."""
        return self._chosen or self.processes[-1]

    def _start(self) -> None:
        process = FleetProcess(self._outside, self._lines, self._log_failed)
        self.processes.append(process)
        process.start()

    def _living(self) -> list[FleetProcess]:
        return [cast(FleetProcess, process) for process in self.processes if process.alive]

    def _serving(self) -> list[ServerProcess]:
        return [*self._living()] or [self.processes[-1]]

    def _end_failed(self, process: ServerProcess) -> None:
        if process.alive:
            process.kill()
            self._start()

    def open_link(self, device: Device) -> Link:
        ready = [process for process in self._living() if process.ready]
        link = Link(self._loop, device.rng, device, window=device.window, slowest=self.weather.slowest_network)
        now_ms = self.clock.now_ms()
        ends_ms = now_ms + self.rng.choice([3_000, 3_600_000, 3_600_000])
        process = self.rng.choice(ready) if ready else self.processes[-1]
        process.connect(link, Identity(device.user.user_id, SCOPES, ends_ms - CLOCK_LEEWAY_MS, now_ms))
        self._links[device] = link
        return link

    def _do(self, action: Action) -> None:
        living = self._living()
        self._chosen = self.rng.choice(living) if living else None
        if isinstance(action, act.Misroute):  # of the process that the device is connected to
            link = self._link_of(self.devices[action.device])
            for process in living:
                if any(connection.link is link for connection in process.connections):
                    self._chosen = process
        super()._do(action)

    def _restart(self, action: act.Restart) -> None:
        process = self._chosen
        if process is None or not process.ready:
            return
        if action.how == "drain":
            self._drains.append(self._loop.create_task(self._drain(process, action)))
        elif action.how == "zombie":
            process.renews = False
            self._loop.call_later(2 * LEASE_MS / 1000 + action.after, self._wake, process)
        else:
            process.kill()
            self._loop.call_later(action.after, self._start)

    def _start_again(self, process: ServerProcess, action: act.Restart) -> None:
        self._start()

    def _wake(self, process: FleetProcess) -> None:
        process.renews = True

    def _calm(self) -> None:
        self._calmed = True
        for process in self._living():
            process.renews = True
            process.misrouted = None

    def unrest(self) -> str:
        """As in one process; and nothing is left that nobody holds."""
        left = [run.run_id for run in self.store.unfinished()]
        return f"{left} have not ended" if left else super().unrest()
