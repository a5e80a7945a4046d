"""Admission: how much one user, and one connection, may have at once and per second. Time is given, never read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from itertools import islice
from typing import Any, Final

from . import validation
from .errors import LimitRefused
from .token_bucket import TokenBucket


@dataclass(frozen=True, slots=True)
class LimitRange:
    """What one limit means, in which unit it counts, and from ``low`` to ``high`` what it may be."""

    about: str
    unit: str
    low: float
    high: float


_RANGE: Final = "range"


def _limit(default: Any, low: float, high: float, unit: str, about: str) -> Any:
    return field(default=default, metadata={_RANGE: LimitRange(about, unit, low, high)})


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one server: the one table of them. Each is the setting ``NETRA_LIMIT_`` and its name in capitals.

    Counts are per user unless said; rates are per second with a burst, and each of several processes counts them for itself.
    """

    # What is sent over a WebSocket
    frame_bytes: int = _limit(65_536, 1_024, 1_048_576, "bytes", "a text message")
    message_bytes: int = _limit(
        1_048_576, 1_024, 16_777_216, "bytes", "a text message that is refused without closing the connection"
    )
    message_fragments: int = _limit(256, 1, 65_536, "fragments", "a message in fragments")
    outbox_bytes: int = _limit(1_048_576, 4_096, 67_108_864, "bytes", "what waits to be sent to one connection")
    outbox_stall_s: float = _limit(10.0, 0.1, 600, "seconds", "a connection that takes nothing of what waits")
    frame_rate: float = _limit(1000.0, 1, 100_000, "a second", "messages of one connection")
    frame_burst: int = _limit(2000, 1, 1_000_000, "messages", "messages of one connection at once")
    raw_frame_rate: float = _limit(
        200.0, 1, 200_000, "a second", "control frames and fragments of one connection: all that is no whole text"
    )
    raw_frame_burst: int = _limit(
        500, 16, 2_000_000, "frames", "control frames and fragments of one connection at once"
    )
    byte_rate: float = _limit(16_777_216.0, 1_024, 1e9, "bytes a second", "what one connection sends")
    byte_burst: int = _limit(33_554_432, 65_536, 1_000_000_000, "bytes", "what one connection sends at once")
    frames_a_turn: int = _limit(
        64, 1, 10_000, "frames", "WebSocket frames of one connection before others have their turn"
    )
    heartbeat_ms: int = _limit(20_000, 100, 3_600_000, "milliseconds", "between two heartbeats")
    pong_timeout_s: float = _limit(20.0, 0.1, 3_600, "seconds", "until a ping is answered")
    faults: int = _limit(3, 1, 1_000, "frames", "malformed frames of one connection within their window")
    fault_window_s: float = _limit(60.0, 1, 86_400, "seconds", "the window that malformed frames are counted in")
    held_frames: int = _limit(1000, 1, 100_000, "frames", "commands of one connection that wait for the one before")
    held_replays: int = _limit(32, 1, 10_000, "frames", "replays of one connection that wait for the one before")

    # What a user has
    connections: int = _limit(20, 1, 10_000, "connections", "connections at a time")
    runs: int = _limit(10, 1, 10_000, "runs", "runs at a time")
    queued_runs: int = _limit(100, 0, 100_000, "runs", "runs that wait")
    run_s: float = _limit(600.0, 1, 604_800, "seconds", "a run")
    claim_rate: float = _limit(20.0, 0.01, 10_000, "a second", "new threads")
    claim_burst: int = _limit(1000, 1, 100_000, "threads", "new threads at once")
    request_rate: float = _limit(50.0, 0.01, 100_000, "a second", "HTTP requests")
    request_burst: int = _limit(500, 1, 1_000_000, "requests", "HTTP requests at once")
    resume_rate: float = _limit(500.0, 1, 100_000, "threads a second", "threads that resumes look at")
    resume_burst: int = _limit(10_000, 1, 1_000_000, "threads", "threads that resumes look at, at once")
    transfers: int = _limit(4, 1, 1_000, "transfers", "uploads, exports and reports at a time")

    # What a process has
    process_connections: int = _limit(50_000, 1, 1_000_000, "connections", "connections of one process")
    process_runs: int = _limit(10_000, 1, 1_000_000, "runs", "runs of one process at a time")
    process_transfers: int = _limit(64, 1, 10_000, "transfers", "uploads, exports and reports of one process at a time")
    reserved_files: int = _limit(
        256, 16, 100_000, "files", "open files that no connection takes; at most half of what the system allows"
    )
    drain_s: float = _limit(5.0, 0.0, 600, "seconds", "what runs have to end in when the server shuts down")

    # Who is not signed in
    authentication_s: float = _limit(10.0, 0.1, 600, "seconds", "from a connection to its sign-in")
    anonymous_rate: float = _limit(
        20.0, 0.01, 100_000, "a second", "requests and handshakes of one address without a valid sign-in"
    )
    anonymous_burst: int = _limit(
        500, 1, 1_000_000, "requests", "requests and handshakes of one address without a valid sign-in at once"
    )
    anonymous_addresses: int = _limit(10_000, 1, 10_000_000, "addresses", "addresses that requests are counted for")
    anonymous_connections: int = _limit(
        4_096, 1, 1_000_000, "connections", "connections of one address that are not signed in"
    )
    process_anonymous_connections: int = _limit(
        8_192, 1, 1_000_000, "connections", "connections of one process that are not signed in"
    )
    anonymous_sockets: int = _limit(100, 1, 100_000, "connections", "WebSockets of one address that wait for a token")
    process_anonymous_sockets: int = _limit(
        1_000, 1, 1_000_000, "connections", "WebSockets of one process that wait for a token"
    )
    anonymous_frames: int = _limit(32, 1, 100_000, "frames", "WebSocket frames of a connection before its sign-in")
    anonymous_bytes: int = _limit(131_072, 1_024, 16_777_216, "bytes", "what a WebSocket sends before its sign-in")

    # What HTTP takes
    head_bytes: int = _limit(32_768, 1_024, 1_048_576, "bytes", "request line and headers of a request")
    head_s: float = _limit(10.0, 0.05, 600, "seconds", "from the first byte of a request to the end of its headers")
    pipelined_requests: int = _limit(
        32, 1, 10_000, "requests", "requests of one connection that wait for the answer to the one before"
    )
    json_bytes: int = _limit(16_384, 1_024, 1_048_576, "bytes", "a JSON body")
    json_s: float = _limit(30.0, 0.05, 3_600, "seconds", "a JSON body from its beginning to its end")
    upload_bytes: int = _limit(4_294_967_296, 1_024, 1_099_511_627_776, "bytes", "an upload")
    upload_s: float = _limit(3_600.0, 1, 86_400, "seconds", "an upload from its beginning to its end")
    body_idle_s: float = _limit(30.0, 0.01, 3_600, "seconds", "a pause within a body")
    body_rate: float = _limit(1_024.0, 1, 1e9, "bytes a second", "what a transfer moves at least, in either direction")
    body_grace_s: float = _limit(10.0, 0.01, 3_600, "seconds", "until a transfer is held to its least rate")
    stall_s: float = _limit(30.0, 0.05, 3_600, "seconds", "a client that reads nothing of its answer")
    download_s: float = _limit(
        3_600.0, 0.05, 86_400, "seconds", "an answer, from when its reader first keeps it waiting to its end"
    )
    linger_s: float = _limit(5.0, 0.05, 600, "seconds", "the rest of a body whose answer was sent")
    readiness_ms: int = _limit(1_000, 10, 60_000, "milliseconds", "how old the verdict of /readyz is at most")

    def told(self) -> dict[str, int]:
        """The limits that a client gets when it has connected."""
        return {
            "bytes": self.frame_bytes,
            "connections": self.connections,
            "runs": self.runs,
            "queued_runs": self.queued_runs,
            "frames_per_second": int(self.frame_rate),
            "outbox_bytes": self.outbox_bytes,
        }

    def contradictions(self) -> list[tuple[str, str]]:
        """Pairs of fields of which the first must not be smaller than the second, and is."""
        return [pair for pair in _AT_LEAST if getattr(self, pair[0]) < getattr(self, pair[1])]


_AT_LEAST: Final = (
    ("message_bytes", "frame_bytes"),
    ("byte_burst", "message_bytes"),
    ("raw_frame_burst", "message_fragments"),
    ("anonymous_bytes", "frame_bytes"),
    ("outbox_bytes", "frame_bytes"),
    ("process_transfers", "transfers"),
    ("process_anonymous_sockets", "anonymous_sockets"),
    ("process_anonymous_connections", "anonymous_connections"),
)

LIMIT_RANGES: Final[Mapping[str, LimitRange]] = {each.name: each.metadata[_RANGE] for each in fields(Limits)}
"""Every limit by the name of its field, in the order of the table."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What one user holds in one process, or in several together."""

    connections: int = 0
    runs: int = 0
    queued: int = 0


NOTHING: Final = Counts()
_UNNAMED_THREADS: Final = 10
"""What telling of those threads that a resume did not name counts as."""
_MOST_RESUME_WAIT_S: Final = 30.0


class UserQuota:
    """What one user has here at the moment. Every ``add_*`` refuses or is paired with one ``drop_*``.

    ``elsewhere`` is what the user has at other processes, as of a moment ago; connections and runs count together with it.
    """

    __slots__ = (
        "_claims",
        "_limits",
        "_requests",
        "_resumes",
        "connections",
        "elsewhere",
        "queued",
        "runs",
        "transfers",
    )

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._claims = TokenBucket(limits.claim_rate, limits.claim_burst, now)
        self._requests: TokenBucket | None = None
        self._resumes: TokenBucket | None = None
        self.transfers = 0
        self.connections = 0
        self.runs = 0
        self.queued = 0
        self.elsewhere = NOTHING

    @property
    def idle(self) -> bool:
        """Whether nothing is held."""
        return not (self.connections or self.runs or self.queued or self.transfers)

    def is_as_new(self, now: float) -> bool:
        """Whether it may be forgotten: nothing is held, and nothing is still counted against the user."""
        counted = (self._claims, self._requests, self._resumes)
        return self.idle and all(bucket is None or bucket.is_full(now) for bucket in counted)

    def add_connection(self) -> None:
        """Raises ``LimitRefused`` (``connection_limit``)."""
        if self.connections + self.elsewhere.connections >= self._limits.connections:
            raise LimitRefused(
                f"The limit is {self._limits.connections} connections per user.",
                kind="connection_limit",
                retry_after_ms=1000,
                point=validation.LIMIT_CONNECTIONS,
            )
        self.connections += 1

    def drop_connection(self) -> None:
        self.connections -= 1

    def add_run(self) -> None:
        """Raises ``LimitRefused`` (``run_limit``)."""
        if self.runs + self.elsewhere.runs >= self._limits.runs:
            raise LimitRefused(
                f"The limit is {self._limits.runs} runs at a time per user.",
                kind="run_limit",
                retry_after_ms=1000,
                point=validation.LIMIT_RUNS,
            )
        self.runs += 1

    def drop_run(self) -> None:
        self.runs -= 1

    def add_queued(self) -> None:
        """Raises ``LimitRefused`` (``run_limit``)."""
        if self.queued + self.elsewhere.queued >= self._limits.queued_runs:
            raise LimitRefused(
                f"The limit is {self._limits.queued_runs} waiting runs per user.",
                kind="run_limit",
                retry_after_ms=1000,
                point=validation.LIMIT_QUEUED,
            )
        self.queued += 1

    def drop_queued(self) -> None:
        self.queued -= 1

    def claim_thread(self, now: float) -> None:
        """Count one use of a thread id that was unknown until now. Raises ``LimitRefused`` (``rate_limited``)."""
        if not self._claims.take(now):
            raise LimitRefused(
                "Too many new threads in a short time.",
                retry_after_ms=self._claims.wait_ms(),
                point=validation.LIMIT_THREADS,
            )

    def take_request(self, now: float) -> None:
        """Count one HTTP request. Raises ``LimitRefused`` (``rate_limited``)."""
        if self._requests is None:
            self._requests = TokenBucket(self._limits.request_rate, self._limits.request_burst, now)
        if not self._requests.take(now):
            raise LimitRefused(
                "Too many requests in a short time.",
                retry_after_ms=self._requests.wait_ms(),
                point=validation.LIMIT_REQUESTS,
            )

    def take_resume(self, named: int, now: float) -> float:
        """Count a ``resume`` that names so many threads; how many seconds it has to wait. Raises ``LimitRefused``
        (``rate_limited``) if too much waits already."""
        if self._resumes is None:
            self._resumes = TokenBucket(self._limits.resume_rate, self._limits.resume_burst, now)
        wait_s = self._resumes.borrow(named + _UNNAMED_THREADS, now, _MOST_RESUME_WAIT_S)
        if wait_s is None:
            raise LimitRefused(
                "Too many threads were resumed in a short time.",
                retry_after_ms=self._resumes.wait_ms(),
                point=validation.LIMIT_RESUMES,
            )
        return wait_s

    def add_transfer(self) -> None:
        """An upload, an export or a report begins. Raises ``LimitRefused`` (``transfer_limit``)."""
        if self.transfers >= self._limits.transfers:
            raise LimitRefused(
                f"The limit is {self._limits.transfers} uploads, exports and reports at a time per user.",
                kind="transfer_limit",
                retry_after_ms=5000,
                point=validation.LIMIT_TRANSFERS,
            )
        self.transfers += 1

    def drop_transfer(self) -> None:
        self.transfers -= 1


class Quotas:
    """The quotas of all users that have something at the moment, or claimed threads a moment ago.

    A user who leaves and comes back finds the same count of claims; once it has refilled, the user takes no memory.
    """

    __slots__ = ("_left", "_limits", "_now", "_users")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._users: dict[str, UserQuota] = {}
        # Taken from its front again and again: a plain dict would go over the places of all that were taken before.
        self._left: OrderedDict[str, None] = OrderedDict()
        self._now = 0.0

    def of(self, user_id: str, now: float) -> UserQuota:
        self._now = now
        quota = self._users.get(user_id)
        if quota is None:
            self._forget()
            quota = self._users[user_id] = UserQuota(self._limits, now)
        return quota

    def release(self, user_id: str) -> None:
        """Forget the user where nothing is held any more, now or as soon as the count of claims has refilled."""
        quota = self._users.get(user_id)
        if quota is None or not quota.idle:
            return
        self._left.pop(user_id, None)
        if quota.is_as_new(self._now):
            del self._users[user_id]
        else:
            self._left[user_id] = None

    def held(self) -> dict[str, Counts]:
        """What users hold here, of whom hold anything."""
        return {
            user_id: Counts(quota.connections, quota.runs, quota.queued)
            for user_id, quota in self._users.items()
            if quota.connections or quota.runs or quota.queued
        }

    def note_elsewhere(self, held: Mapping[str, Counts]) -> None:
        """What users hold at other processes; a user who is not named holds nothing there."""
        for user_id, quota in self._users.items():
            quota.elsewhere = held.get(user_id, NOTHING)

    def _forget(self) -> None:
        # Two for each user who comes, those who left first: so no more are kept than left within one refill.
        for user_id in list(islice(self._left, 2)):
            quota = self._users[user_id]
            if quota.is_as_new(self._now):
                del self._users[user_id]
            elif quota.idle:
                return
            del self._left[user_id]

    def __len__(self) -> int:
        return len(self._users)
