"""Makes a process one of several."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from ..core.quotas import Quotas
from ..ports import EventLog, Fleet, Presence
from ..runs.service import RunService
from ..services.revocations import Revocations
from .command_handler import PeerCommandHandler
from .peer_client import PeerClient
from .periodic_tasks import PeriodicTasks
from .takeover import Takeover


def join(
    fleet: Fleet,
    presence: Presence | None,
    on_renewal: Callable[[Callable[[bool], Awaitable[object]]], None],
    peers: PeerClient,
    runs: RunService,
    log: EventLog,
    revocations: Revocations,
    quotas: Quotas,
    within_s: float,
    stack: AsyncExitStack,
) -> Callable[[float], None]:
    """Answer the others from now on, until ``stack`` is closed. ``on_renewal`` has something awaited after the process's lease
    was renewed, with whether it had run out. Returns what is to be called about every second."""
    takeover = Takeover(runs, peers)
    on_renewal(takeover.on_renewal)
    handler = PeerCommandHandler(runs, log, revocations, takeover.work, within_s=within_s)
    fleet.serve(handler.answer, handler.on_message)
    periodic = PeriodicTasks(takeover, revocations)
    stack.push_async_callback(periodic.close)
    if presence is not None:
        from .counts_exchange import CountsExchange

        exchange = CountsExchange(quotas, presence)
        exchange.start()
        stack.push_async_callback(exchange.close)
    return periodic.tick
