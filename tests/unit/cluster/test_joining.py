"""A process that has joined answers the others, looks for work, and gives its runs back when its lease had run out by its own
fault."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from netra_backend.app.cluster.joining import join
from netra_backend.app.core.peer_messages import ListApprovals, Waiting, decode_answer, encode


async def test_it_answers_looks_for_work_and_hears_of_its_lease(processes: Any, gates_class: Any) -> None:
    one, other = await processes.open(), await processes.open()
    renewals: list[Callable[[bool], Awaitable[object]]] = []
    gates, _ = gates_class(one), gates_class(other)
    gates.shutting("m")
    async with AsyncExitStack() as stack:
        tick = join(
            one.member, None, renewals.append, one.peers, one.turns, one.log, one.revocations, one.quotas, 10.0, stack
        )
        answer = decode_answer(await other.member.ask(one.process_id, encode(ListApprovals("user_ada"))))
        assert answer == Waiting(())
        tick(0.0)
        await one.until(lambda: one.peers.have_others)
        await one.ask(one.connect(), "golden", "m")
        one.turns.frozen.note(31.0, "")
        (renewed,) = renewals
        await renewed(True)
        await other.until(lambda: len(other.turns) or not len(one.turns))
        assert len(one.turns) == 0
    gates.open()
