"""Tool calls that wait for their user's word. The first word counts, whichever device says it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from ..core import validation
from ..core.errors import NotFound
from ..core.events import ApprovalRequested, ApprovalResolved, decode_event
from ..core.peer_messages import WaitingCall
from ..core.recent import Recent
from ..core.repaired_text import repaired
from ..ports import EventLog

EXPIRED: Final = "expired"
_MAX_WORDS: Final = 20_000


def hash_arguments(tool: str, arguments: Mapping[str, Any]) -> str:
    """What a decision is bound to: sha256 over the tool's name and its canonical JSON arguments."""
    try:
        canonical = msgspec.json.encode((tool, arguments), order="sorted")
    except UnicodeEncodeError:  # as the event that asks shows them
        canonical = msgspec.json.encode((tool, repaired(arguments)), order="sorted")
    return hashlib.sha256(canonical).hexdigest()


def approval_id_of(run_id: str, call_id: str) -> str:
    """The id of what a run asks about one of its calls. As hard to guess as the run's own. Processes of 0.1.0 read the run from
    it, too."""
    return f"apr_{run_id}.{call_id.removeprefix(f'{run_id}:')}"


def run_id_of(approval_id: str) -> str:
    """The run that asks."""
    return approval_id.removeprefix("apr_").rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Decision:
    """``decision`` is approve, deny or expired. ``recorded`` is to be called once it is committed."""

    decision: str
    by: str
    recorded: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class PendingApproval:
    """One call that waits."""

    owner: str
    thread_id: str
    run_id: str
    approval_id: str
    tool: str
    arguments: Mapping[str, Any]
    arguments_hash: str
    expires_at_ms: int
    word: asyncio.Future[Decision] = field(compare=False)

    def told(self) -> WaitingCall:
        """As its user sees it."""
        return WaitingCall(
            self.approval_id,
            self.thread_id,
            self.run_id,
            self.tool,
            dict(self.arguments),
            self.arguments_hash,
            self.expires_at_ms,
        )


class _Word:
    """A word that was said here, and who waits for its being stored."""

    __slots__ = ("_said", "_waiting")

    def __init__(self, owner: str, decision: str, arguments_hash: str) -> None:
        self._said = (owner, decision, arguments_hash)
        self._waiting: list[Callable[[], None]] | None = []

    def is_said(self, owner: str, decision: str, arguments_hash: str) -> bool:
        return self._said == (owner, decision, arguments_hash)

    def when_recorded(self, call: Callable[[], None]) -> None:
        if self._waiting is None:
            call()
        else:
            self._waiting.append(call)

    def recorded(self) -> None:
        waiting, self._waiting = self._waiting or (), None
        for call in waiting:
            call()


class Approvals:
    """The calls of this process that wait, bounded by the number of runs, and the words that were said lately."""

    def __init__(self) -> None:
        self._pending: dict[str, PendingApproval] = {}
        self._words: Recent[str, _Word] = Recent(_MAX_WORDS)

    async def wait(self, pending: PendingApproval, now_ms: int) -> Decision:
        """The first word said, or ``expired``. A word that was taken counts, even in the moment of expiry."""
        self._words.drop(pending.approval_id)  # one that was said when this run was here before, and not stored
        self._pending[pending.approval_id] = pending
        try:
            async with asyncio.timeout(max(0.0, (pending.expires_at_ms - now_ms) / 1000)):
                return await asyncio.shield(pending.word)
        except TimeoutError:
            return pending.word.result() if pending.word.done() else Decision(EXPIRED, "expiry")
        finally:
            self._pending.pop(pending.approval_id, None)

    def resolve(
        self, owner: str, approval_id: str, decision: str, arguments_hash: str, by: str, recorded: Callable[[], None]
    ) -> None:
        """Decide an approval; repeating the same decision changes nothing. ``recorded`` is called once it is committed.

        Raises ``NotFound`` if the owner has no such open approval of those arguments."""
        word = self._words.get(approval_id)
        if word is not None and word.is_said(owner, decision, arguments_hash):
            word.when_recorded(recorded)
            return
        pending = self._pending.get(approval_id)
        if pending is None or pending.owner != owner or pending.arguments_hash != arguments_hash or pending.word.done():
            raise NotFound(
                "There is no such pending approval.",
                field="approval_id",
                hint="It may have been decided on another device, or it may have expired.",
                point=validation.APPROVAL_OPEN,
            )
        word = _Word(owner, decision, arguments_hash)
        word.when_recorded(recorded)
        self._words.put(approval_id, word)
        pending.word.set_result(Decision(decision, by, word.recorded))

    def knows(self, approval_id: str) -> bool:
        """Whether it waits here, or was decided here lately."""
        return approval_id in self._pending or self._words.get(approval_id) is not None

    def forget(self, run_id: str) -> None:
        """Another process continues this run: decisions made here that are not stored are void."""
        self._words.drop_where(lambda approval_id: run_id_of(approval_id) == run_id)

    def waiting_runs(self) -> set[str]:
        """The runs that wait for their user's word."""
        return {pending.run_id for pending in self._pending.values()}

    def of(self, owner: str) -> list[PendingApproval]:
        """What waits for this owner's word, oldest first."""
        return [pending for pending in self._pending.values() if pending.owner == owner]


async def in_the_log(
    log: EventLog, owner: str, approval_id: str, decision: str, arguments_hash: str
) -> Literal["decided", "open", "unknown"]:
    """What the log says about an approval: whether exactly this was decided, or nothing yet. ``unknown`` is also what another
    decision, other arguments, an ended run and another user's approval are."""
    run = await log.run(run_id_of(approval_id))
    if run is None or run.owner != owner:
        return "unknown"
    asked = False
    for frame in await log.run_frames(run):
        event = decode_event(frame)
        if isinstance(event, ApprovalRequested) and event.approval_id == approval_id:
            asked = event.arguments_hash == arguments_hash
        elif isinstance(event, ApprovalResolved) and event.approval_id == approval_id:
            return "decided" if asked and event.decision == decision else "unknown"
    return "open" if asked and not run.ended_seq else "unknown"
