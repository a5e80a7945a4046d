"""Holds the drill: gives an owner something of its own, lets an intruder try every endpoint, and cleans up."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .actor import Actor, DrillFailed, Transport
from .endpoints import ENDPOINTS
from .judging import LEAKED, Attempt, Belongings, Row, Stage

AGENT: Final = "triage_agent"


@dataclass(frozen=True, slots=True)
class DrillReport:
    """One row an endpoint."""

    rows: tuple[Row, ...]

    @property
    def leaks(self) -> list[Row]:
        """The endpoints that did not refuse."""
        return [row for row in self.rows if row.verdict == LEAKED]

    def summary(self) -> str:
        """The report in one sentence, as it stands in the frame that answers a request for a drill."""
        rows = "; ".join(f"{row.endpoint}: {row.verdict} ({row.answer})" for row in self.rows)
        held = len(self.rows) - len(self.leaks)
        return f"SSOT isolation drill: {held} of {len(self.rows)} endpoints refused. {rows}"


async def hold_drill(
    owner: Transport, intruder: Transport, mint: Callable[[str], str], *, endpoints: tuple[Attempt, ...] = ENDPOINTS
) -> DrillReport:
    """Try every endpoint between two users who are not the same; ``mint(kind)`` makes ids that nobody has.

    What the drill made is deleted again. Raises ``DrillFailed`` where it could not be held: then it proves nothing.
    """
    if owner.user_id == intruder.user_id:
        raise DrillFailed("a drill needs two users, but both tokens belong to the same one")
    async with Actor(owner, mint) as has_things, Actor(intruder, mint) as has_none:
        stage = Stage(has_things, has_none, await _furnish(has_things, mint), AGENT)
        try:
            return DrillReport(tuple([await attempt(stage) for attempt in endpoints]))
        finally:
            await _clean_up(stage)


async def _furnish(owner: Actor, mint: Callable[[str], str]) -> Belongings:
    canary, key = mint("canary"), mint("key")
    accepted = await owner.run(AGENT, f"how much did {canary} cost?", id=key)
    rows = (
        "ts,model,input_tokens,output_tokens,feature\n"
        f"2026-01-01T00:00:00Z,gpt-4o,1000,100,{canary}\n"
        f"2026-01-02T00:00:00Z,gpt-4o,2000,200,{canary}\n"
    )
    answer = await owner.line.http("POST", f"/api/usage/datasets?name={canary}", rows.encode())
    if answer.status >= 400:
        raise DrillFailed(f"the owner could not import its own data: {answer.body[:200].decode(errors='replace')}")
    dataset_id = str(json.loads(answer.body)["dataset_id"])
    answer = await owner.line.http("POST", "/api/files", canary.encode(), media="text/plain")
    if answer.status >= 400:
        raise DrillFailed(f"the owner could not upload a file: {answer.body[:200].decode(errors='replace')}")
    file_id = str(json.loads(answer.body)["file_id"])
    return Belongings(
        accepted["thread_id"], accepted["epoch"], accepted["run_id"], key, dataset_id, file_id, canary, mint
    )


async def _clean_up(stage: Stage) -> None:
    """Delete what was made; what is gone already, or is not there to be deleted, is no fault."""
    await stage.owner.line.http("DELETE", f"/api/usage/datasets/{stage.has.dataset_id}")
    await stage.owner.line.http("DELETE", f"/api/files/{stage.has.file_id}")
    for actor in (stage.owner, stage.intruder):
        for thread_id in actor.threads:
            await actor.line.http("DELETE", f"/api/threads/{thread_id}")
