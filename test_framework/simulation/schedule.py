"""Schedules: what users do and what befalls the servers, as a list of actions that a seed makes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Final

from .workers import STEPS


@dataclass(frozen=True, slots=True)
class Action:
    """Something that happens ``at`` a second."""

    at: float


@dataclass(frozen=True, slots=True)
class OfDevice(Action):
    """Something that a device does or suffers; devices are counted through all users."""

    device: int


@dataclass(frozen=True, slots=True)
class Ask(OfDevice):
    """Ask the worker in a thread: ``new``, ``own`` (an id of the user's choice), ``shared`` (one that anybody may choose),
    ``known`` (one that the device has) or ``foreign`` (another user's); ``pick`` says which."""

    thread: str
    pick: int
    policy: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repeat(OfDevice):
    """Send a request of the user again, under the same key, as if its answer had not come."""

    pick: int


@dataclass(frozen=True, slots=True)
class Stop(OfDevice):
    """Cancel a run that the user has seen."""

    pick: int


@dataclass(frozen=True, slots=True)
class Pry(OfDevice):
    """Resume a thread of another user."""

    pick: int


@dataclass(frozen=True, slots=True)
class Drop(OfDevice):
    """The connection breaks; the server notices after a while, or (``None``) only because no pong comes."""

    noticed_after: float | None


@dataclass(frozen=True, slots=True)
class Stall(OfDevice):
    """The device reads nothing for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Lose(OfDevice):
    """The bus loses the next messages to this device's connection."""

    count: int


@dataclass(frozen=True, slots=True)
class Misroute(OfDevice):
    """The next committed events, whosever they are, are offered to this device's connection as well."""


@dataclass(frozen=True, slots=True)
class Delete(OfDevice):
    """The user deletes a thread."""

    pick: int


@dataclass(frozen=True, slots=True)
class Retain(Action):
    """Threads without events in the last ``seconds`` are deleted."""

    seconds: float


@dataclass(frozen=True, slots=True)
class FailCommit(Action):
    """The next commit fails."""


@dataclass(frozen=True, slots=True)
class BackUp(Action):
    """Keep a copy of the store."""


@dataclass(frozen=True, slots=True)
class Restart(Action):
    """The process ends and another one starts ``after`` seconds: by ``kill``, ``drain``, or it is only taken for dead and
    goes on (``zombie``). In between, a backup may be restored, or the beginning of histories cut off."""

    how: str
    after: float
    restore: bool = False
    cut: bool = False
    again: int = 0
    """So often more, each time soon after the last: crashes in a row."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a seed makes: how many users with how many devices each, the actions, and how many processes serve at a time."""

    seed: int
    devices: tuple[int, ...]
    actions: tuple[Action, ...]
    processes: int = 1


ENDS_AT: Final = 12.0
_WEIGHTS: Final = {
    Ask: 36, Repeat: 8, Stop: 5, Pry: 2, Drop: 12, Stall: 6, Lose: 12, Misroute: 3, Delete: 3, Retain: 1, FailCommit: 3,
    BackUp: 4, Restart: 9,
}  # fmt: skip


def make_schedule(seed: int) -> Schedule:
    """The schedule of this seed, always the same."""
    rng = Random(f"schedule {seed}")
    devices = tuple(rng.randint(1, 3) for _ in range(rng.randint(2, 3)))
    kinds = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=rng.randint(8, 26))
    times = sorted(round(rng.random() * ENDS_AT, 3) for _ in kinds)
    made = (_make(kind, at, rng, sum(devices)) for kind, at in zip(kinds, times, strict=True))
    return Schedule(seed, devices, tuple(made))


def make_fleet_schedule(seed: int) -> Schedule:
    """The same for a server of several processes: what befalls a process befalls one of them."""
    return replace(make_schedule(seed), processes=2 + seed % 2)


def _make(kind: type[Action], at: float, rng: Random, devices: int) -> Action:
    device, pick = rng.randrange(devices), rng.randrange(6)
    if kind is Ask:
        thread = rng.choices(["new", "own", "shared", "known", "foreign"], [4, 3, 1, 5, 1])[0]
        policy = rng.choices(["enqueue", "reject", "interrupt"], [5, 1, 2])[0]
        weights = [4, 2, 5, 5, 1, 2, 0.5, 2, 1.5, 2, 1, 1]
        return Ask(at, device, thread, pick, policy, tuple(rng.choices(STEPS, weights, k=rng.randint(0, 6))))
    if kind is Drop:
        return Drop(at, device, rng.choice([0.0, rng.random() * 3, None]))
    if kind is Stall:
        return Stall(at, device, rng.random() * 6)
    if kind is Lose:
        return Lose(at, device, rng.randint(1, 4))
    if kind is Misroute:
        return Misroute(at, device)
    if kind is Retain:
        return Retain(at, rng.random() * 6)
    if kind is FailCommit or kind is BackUp:
        return kind(at)
    if kind is Restart:
        how = rng.choices(["kill", "drain", "zombie"], [5, 2, 3])[0]
        return Restart(
            at,
            how,
            rng.choice([0.0, rng.random() * 2]),
            restore=rng.random() < 0.25,
            cut=rng.random() < 0.25,
            again=rng.choices([0, 1, 2], [6, 2, 1])[0] if how == "kill" else 0,
        )
    made: Action = kind(at, device, pick)  # type: ignore[call-arg]  # Repeat, Stop, Pry and Delete have the same fields
    return made
