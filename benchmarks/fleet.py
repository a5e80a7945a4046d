"""P5: two server processes on PostgreSQL and Valkey, all of it and the generators on the same two cores.

Golden runs a second of both together, and how long an event takes from the moment it is made, before its commit, to a client of
its user at the *other* process: by the clock of the machine, so that what the commit itself takes is counted too. PostgreSQL
waits for the disk. The second figure is taken once beside as many runs as there can be, and once at half of that.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from test_framework.services import own_postgres, own_redis

from . import figures, generator, machine, ours
from .figures import Figure, figure
from .server import cpu_seconds, free_port, serving

CLIENTS = 50
"""At each process."""
WATCHED = 5
"""Users of each process who have a device at the other one too."""
DATABASE = "netra"


class _Event(msgspec.Struct):
    type: str
    ts: int = 0


_EVENT = msgspec.json.Decoder(_Event)


@contextmanager
def two_servers() -> Iterator[tuple[list[ours.Running], dict[str, list[int]]]]:
    """Both servers, and the ids of the processes whose time is taken, by what they are."""
    with ExitStack() as stack:
        database, valkey = stack.enter_context(own_postgres(synced=True)), stack.enter_context(own_redis())
        environment = {"NETRA_DATABASE_URL": asyncio.run(_migrated(database.url)), "NETRA_REDIS_URL": valkey.url}
        servers: list[ours.Running] = []
        for number in (1, 2):
            data_dir, port = ours.empty_data_dir(f"fleet-{number}"), free_port()
            if servers:
                shutil.copy2(servers[0].data_dir / "development.key", data_dir)
            command, log = (
                [*ours.command(port, data_dir), "--shared"],
                machine.WORKSHOP / "logs" / f"fleet-{number}.log",
            )
            process = stack.enter_context(serving(command, port, log, env=environment, free=True))
            servers.append(ours.Running(process, port, data_dir))
        yield (
            servers,
            {
                "servers": [one.process.pid for one in servers],
                "PostgreSQL": [database.pid, *_children(database.pid)],  # its connections are lasting
                "Valkey": [valkey.pid],
            },
        )


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def _migrated(server_url: str) -> str:
    import asyncpg

    from netra_backend.app.adapters.postgres.migration import Login, migrate_postgres

    keeper = await asyncpg.connect(server_url)
    await keeper.execute(f'CREATE DATABASE "{DATABASE}"')
    await keeper.close()
    parts = urlsplit(server_url)._replace(path=f"/{DATABASE}")
    login = Login("netra_server", secrets.token_hex(16))
    await migrate_postgres(parts.geturl(), lambda _: None, login=login)
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{login.name}:{login.password}@{place}").geturl()


class Watch:
    """Devices of the first users of each process, at the other one: how old each event is when it comes there."""

    def __init__(self, servers: list[ours.Running], users: list[tuple[int, list[str]]]) -> None:
        self.ages_ms: list[float] = []
        self._servers = servers
        self._users = users
        self._open = threading.Event()
        self._end = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._watch()))

    def __enter__(self) -> Watch:
        self._thread.start()
        if not self._open.wait(30):
            raise RuntimeError("the watching devices could not connect")
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    async def _watch(self) -> None:
        from websockets.asyncio.client import connect

        async with asyncio.TaskGroup() as group:
            readers, opened = [], []
            for place, names in self._users:
                server = self._servers[place]
                for name in names:
                    socket = await connect(
                        f"ws://127.0.0.1:{server.port}/ws/{name}",
                        additional_headers={"Authorization": f"Bearer {ours.token(server.data_dir, name)}"},
                        compression=None,
                        proxy=None,
                        max_size=None,
                        ping_interval=None,
                    )
                    opened.append(socket)
                    readers.append(group.create_task(self._read(socket)))
            self._open.set()
            while not self._end.is_set():  # noqa: ASYNC110  # it is set by another thread
                await asyncio.sleep(0.05)
            for reader in readers:
                reader.cancel()
            for socket in opened:
                socket.transport.abort()

    async def _read(self, socket: Any) -> None:
        while True:
            raw = await socket.recv(decode=False)
            now_ms = time.time_ns() / 1e6
            event = _EVENT.decode(raw)
            if event.ts and event.type != "heartbeat":
                self.ages_ms.append(now_ms - event.ts)


def load(servers: list[ours.Running], seconds: float, rate: float | None) -> tuple[float, list[float]]:
    """Runs a second of both together (as many as there can be, or ``rate``), and the ages of events at the other process."""
    pace: dict[str, Any] = {} if rate is None else {"mode": "paced", "rate": rate / 2}
    firsts = [_next_users() for _ in servers]
    watched = [
        (1 - place, [f"user-{number:05}" for number in range(first, first + WATCHED)])
        for place, first in enumerate(firsts)
    ]
    with Watch(servers, watched) as watch:
        running = [
            generator.start_anywhere(
                "wsload",
                connections=CLIENTS,
                seconds=seconds,
                warmup=2,
                **pace,
                **server.words(CLIENTS, first),
            )
            for server, first in zip(servers, firsts, strict=True)
        ]
        measured = [generator.finish(each) for each in running]
    return sum(each["replies_per_s"] for each in measured), watch.ages_ms


_users = 0


def _next_users() -> int:
    global _users  # every load has users of its own
    _users += CLIENTS
    return _users


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks fleet", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement")
    options = parser.parse_args(arguments)
    about = machine.describe()
    rounds: list[dict[str, Any]] = []
    with two_servers() as (servers, pids):
        load(servers, 1.0, None)  # every connection that is made when it is first needed is there
        pids["PostgreSQL"] += set(_children(pids["PostgreSQL"][0])) - set(pids["PostgreSQL"])
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", flush=True)
            before = {name: sum(map(cpu_seconds, each)) for name, each in pids.items()}
            most, busy = load(servers, options.seconds, None)
            spent = {name: sum(map(cpu_seconds, each)) - before[name] for name, each in pids.items()}
            half, calm = load(servers, options.seconds, most / 2)
            rounds.append(
                {
                    "runs_per_s": most,
                    "cpu_us": {name: each / (most * (options.seconds + 2)) * 1e6 for name, each in spent.items()},
                    "busy_ms": _shares(busy),
                    "half_runs_per_s": half,
                    "half_ms": _shares(calm),
                }
            )
    _report(about, rounds)


def _shares(ages_ms: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(ages_ms, n=100)
    return {"count": len(ages_ms), "p50": cuts[49], "p99": cuts[98]}


def _report(about: dict[str, Any], rounds: list[dict[str, Any]]) -> None:
    speed = figure([each["runs_per_s"] for each in rounds])
    ages = {
        (load, share): figure([each[load][share] for each in rounds])
        for load in ("busy_ms", "half_ms")
        for share in ("p50", "p99")
    }
    names = list(rounds[0]["cpu_us"])
    figures.show(
        f"P5: two servers, PostgreSQL (synced) and Valkey on the same cores; {CLIENTS} clients at each",
        ["load", "runs/s", "to the other process p50", "p99", *(f"{name}, a run" for name in names)],
        [
            [
                "closed loop",
                speed.shown(),
                f"{ages['busy_ms', 'p50'].median:.1f} ms",
                f"{ages['busy_ms', 'p99'].median:.1f} ms",
                *(f"{figure([each['cpu_us'][name] for each in rounds]).median:,.0f} µs" for name in names),
            ],
            [
                "half of it",
                figure([each["half_runs_per_s"] for each in rounds]).shown(),
                f"{ages['half_ms', 'p50'].median:.1f} ms",
                f"{ages['half_ms', 'p99'].median:.1f} ms",
                *("" for _ in names),
            ],
        ],
        [
            "An event's way is counted from before its commit. ± is half the distance between the best and the worst round."
        ],
    )
    goals = judge(speed, [ages["half_ms", "p99"], ages["busy_ms", "p99"]])
    figures.show("Goals", figures.GOAL_COLUMNS, goals)
    figures.finish("fleet", about, {"clients": 2 * CLIENTS, "rounds": rounds, "goals": goals})


def judge(speed: Figure, late_ms: list[Figure]) -> list[list[str]]:
    """The rows of the goals; ``late_ms`` is the 99th percentile beside each load."""
    late = max(each.median for each in late_ms)
    return [
        ["P5: golden runs a second, both together", "≥ 1,500", speed.shown(), figures.met(speed.median >= 1500)],
        [
            "P5: to a client at the other process, p99 of either load",
            "≤ 100 ms",
            f"{late:.1f} ms",
            figures.met(late <= 100),
        ],
    ]


if __name__ == "__main__":
    main()
