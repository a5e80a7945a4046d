"""A run in one line, as its owner lists it: what it is, how it stands, when it began and ended."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from ..core.events import RunSuspended, decode_event
from ..core.history import ListedRun

State = Literal["queued", "running", "waiting", "completed", "failed", "cancelled"]

_STATES: Final[dict[str, State]] = {
    "UserMessage": "queued",
    "RunSuperseded": "queued",
    "RunQueued": "queued",
    "ApprovalRequested": "waiting",
    "QuestionAsked": "waiting",
    "AgentCompleted": "completed",
    "AgentFailed": "failed",
    "AgentCancelled": "cancelled",
}
"""What the newest event of a run says about it; after any other event it is running."""


class RunSummary(msgspec.Struct, frozen=True):
    """``state``: ``queued`` until the agent starts, ``waiting`` while it waits for its user or a time. ``ended_ms`` is null
    until it ends."""

    run_id: str
    thread_id: str
    agent: str
    state: State
    created_ms: int
    ended_ms: int | None


def summary_of(listed: ListedRun) -> RunSummary:
    """The summary of a run from the event log."""
    stored = listed.run
    last = decode_event(listed.last)
    state = _STATES.get(type(last).__name__, "running")
    if isinstance(last, RunSuspended) and last.reason == "waiting":  # after a restart, for the same as before it
        state = "waiting"
    return RunSummary(
        stored.run_id,
        stored.thread_id,
        stored.agent,
        state,
        stored.created_ms,
        last.ts if stored.ended_seq else None,
    )
