"""Admission: what one user has at once and per second, of what the limits allow. Time is given, never read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from . import validation
from .errors import LimitRefused
from .identity import OWN_ISSUER, Identity
from .limits import Limits
from .plans import Plans
from .token_bucket import TokenBucket
from .traffic import UserTraffic


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
        "_frames",
        "_limits",
        "_planned_ms",
        "_refusals",
        "_requests",
        "_resumes",
        "_traffic",
        "connections",
        "elsewhere",
        "queued",
        "requests",
        "runs",
        "transfers",
    )

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._planned_ms = -1
        self._claims = TokenBucket(limits.claim_rate, limits.claim_burst, now)
        self._requests: TokenBucket | None = None
        self._refusals: TokenBucket | None = None
        self._resumes: TokenBucket | None = None
        self._frames: TokenBucket | None = None
        self._traffic: UserTraffic | None = None
        self.transfers = 0
        self.requests = 0
        self.connections = 0
        self.runs = 0
        self.queued = 0
        self.elsewhere = NOTHING

    @property
    def limits(self) -> Limits:
        """Those of the user's plan."""
        return self._limits

    def plan(self, limits: Limits, issued_ms: int, now: float) -> None:
        """The limits of the user's plan, as a sign-in that was issued then says; an older one than was seen changes nothing."""
        if issued_ms < self._planned_ms:
            return
        self._planned_ms = issued_ms
        if limits is self._limits:
            return
        self._limits = limits
        self._claims.change(limits.claim_rate, limits.claim_burst, now)
        if self._requests is not None:
            self._requests.change(limits.request_rate, limits.request_burst, now)
        if self._refusals is not None:
            self._refusals.change(limits.request_rate, 1, now)
        if self._resumes is not None:
            self._resumes.change(limits.resume_rate, limits.resume_burst, now)
        if self._frames is not None:
            self._frames.change(limits.frame_rate, limits.frame_burst, now)
        if self._traffic is not None:
            self._traffic.change(limits, now)

    @property
    def idle(self) -> bool:
        """Whether nothing is held."""
        return not (self.connections or self.runs or self.queued or self.transfers or self.requests)

    def is_as_new(self, now: float) -> bool:
        """Whether it may be forgotten: nothing is held, and nothing is still counted against the user."""
        counted = (self._claims, self._requests, self._refusals, self._resumes, self._frames, self._traffic)
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

    def frames(self, now: float) -> TokenBucket:
        """How many messages all the user's connections may send together."""
        if self._frames is None:
            self._frames = TokenBucket(self._limits.frame_rate, self._limits.frame_burst, now)
        return self._frames

    def traffic(self, now: float) -> UserTraffic:
        """What all the user's connections may send together, of other frames and in bytes."""
        if self._traffic is None:
            self._traffic = UserTraffic(self._limits, now)
        return self._traffic

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

    def rest_s(self, now: float) -> float:
        """After ``take_request`` refused: how long the connection should not be read. Those of a user come back one by one, as
        fast as requests are allowed."""
        if self._refusals is None:
            self._refusals = TokenBucket(self._limits.request_rate, 1, now)
        wait_s = self._refusals.borrow(1, now, self._limits.rest_s)
        most_s = self._limits.rest_s
        return most_s if wait_s is None else min(most_s, wait_s + 1 / self._limits.request_rate)

    def add_request(self) -> None:
        """An HTTP request begins to be served. Raises ``LimitRefused`` (``rate_limited``)."""
        if self.requests >= self._limits.user_requests:
            raise LimitRefused(
                f"The limit is {self._limits.user_requests} HTTP requests at a time per user.",
                retry_after_ms=1000,
                point=validation.LIMIT_OPEN_REQUESTS,
            )
        self.requests += 1

    def drop_request(self) -> None:
        self.requests -= 1

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

    __slots__ = ("_left", "_limits", "_now", "_plans", "_users")

    def __init__(self, limits: Limits, plans: Plans | None = None) -> None:
        self._limits = limits if plans is None else plans.usual.limits
        self._plans = plans
        self._users: dict[str, UserQuota] = {}
        # Taken from its front again and again: a plain dict would go over the places of all that were taken before.
        self._left: OrderedDict[str, None] = OrderedDict()
        self._now = 0.0

    def of(self, user_id: str, now: float, limits: Limits | None = None) -> UserQuota:
        """The quota of a user; a new one has these ``limits``, by default those of the usual plan."""
        self._now = now
        quota = self._users.get(user_id)
        if quota is None:
            self._forget()
            quota = self._users[user_id] = UserQuota(limits or self._limits, now)
        return quota

    def of_identity(self, identity: Identity, now: float) -> UserQuota:
        """The quota of who has signed in, with the limits of the plan of this sign-in. A token that a command made for the user
        and that names no plan changes nothing: what the user's own tokens name is not known to it."""
        if self._plans is None or (not identity.plan and identity.issuer == OWN_ISSUER):
            return self.of(identity.user_id, now)
        limits = self._plans.of(identity.plan).limits
        quota = self.of(identity.user_id, now, limits)
        quota.plan(limits, identity.issued_at_ms, now)
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
