"""Run budgets: what Netra's own requests to language models may cost a user, in dollars and in tokens, for a run, a day and a
month. Money is exact: dollars are decimals of at most twelve places."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, Literal, NamedTuple

Period = Literal["run", "day", "month"]
PERIODS: Final[tuple[Period, ...]] = ("run", "day", "month")
"""The narrowest first: it is the one that a refusal names."""
MOST_USD: Final = Decimal(1_000)
"""What one attempt counts at most. A month of such days is a sum that both databases hold in picodollars."""
MOST_USD_OF_A_DAY: Final = Decimal(200_000)
MOST_TOKENS: Final = 10**9
MOST_MODEL_NAME: Final = 200


class Amount(NamedTuple):
    """Dollars and tokens that belong together."""

    usd: Decimal = Decimal(0)
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Bound:
    """The most of one period; ``None``: as much as there is."""

    usd: Decimal | None = None
    tokens: int | None = None

    def holds(self, spent: Amount, wanted: Amount) -> bool:
        """Whether what is wanted fits beside what was spent."""
        fits_usd = self.usd is None or spent.usd + wanted.usd <= self.usd
        return fits_usd and (self.tokens is None or spent.tokens + wanted.tokens <= self.tokens)


UNBOUND: Final = Bound()


class Spent(NamedTuple):
    """What was spent of each period, reservations included."""

    run: Amount
    day: Amount
    month: Amount


@dataclass(frozen=True, slots=True)
class RunBudget:
    """The bounds of a plan. Days and months begin at midnight of ``timezone``. ``counts_unpriced``: a model that has no price may
    be asked, and costs tokens alone; else it is refused where a bound is in dollars."""

    run: Bound = UNBOUND
    day: Bound = UNBOUND
    month: Bound = UNBOUND
    timezone: str = "UTC"
    counts_unpriced: bool = False

    @property
    def is_in_dollars(self) -> bool:
        """Whether any bound is in dollars."""
        return any(bound.usd is not None for bound in (self.run, self.day, self.month))

    def exceeded(self, spent: Spent, wanted: Amount) -> Period | None:
        """The narrowest period whose bound does not hold with what is wanted; ``None`` if all do."""
        for period in PERIODS:
            bound: Bound = getattr(self, period)
            if not bound.holds(getattr(spent, period), wanted):
                return period
        return None


@dataclass(frozen=True, slots=True)
class ModelUse:
    """One attempt at one model request: reserved by its estimate before it is sent, and settled by what the provider reports. One
    that is never settled counts as its estimate, since it may have cost that."""

    owner: str
    call_id: str
    attempt: int
    at_ms: int
    day: str
    """``YYYY-MM-DD``, in the zone of the plan."""
    model: str
    usd: Decimal | None
    """``None``: the model has no price."""
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    is_settled: bool = False
    is_reserved: bool = field(default=False, compare=False)
    """Whether it was stored before it was sent. If it is gone when it is to be settled, somebody has deleted it. Not stored."""

    @property
    def run_id(self) -> str:
        return self.call_id.rpartition(":")[0]

    @property
    def amount(self) -> Amount:
        return Amount(self.usd or Decimal(0), self.input_tokens + self.output_tokens)


def storable(use: ModelUse) -> ModelUse:
    """The attempt as every store can hold it, whatever a provider made up: its numbers bounded, and its model's name cut and
    without NUL and halves of surrogates. What is no number of dollars is no price."""
    counts = (use.input_tokens, use.output_tokens, use.cache_read_tokens, use.cache_write_tokens, use.reasoning_tokens)
    read, written, cached, kept, reasoned = (min(max(each, 0), MOST_TOKENS) for each in counts)
    return replace(
        use,
        model=use.model[:MOST_MODEL_NAME].encode("utf-8", "replace").decode().replace("\x00", "\ufffd"),
        usd=None if use.usd is None or not use.usd.is_finite() else min(max(use.usd, Decimal(0)), MOST_USD),
        input_tokens=read,
        output_tokens=written,
        cache_read_tokens=cached,
        cache_write_tokens=kept,
        reasoning_tokens=reasoned,
    )


class Spender(NamedTuple):
    """What one user has spent in a month, in how many requests."""

    owner: str
    usd: Decimal
    tokens: int
    requests: int


def subject_of(owner: str) -> str:
    """What sums of a user are stored under. It outlives the user's data until the month is over: a budget that was spent does not
    come back by deleting everything."""
    return hashlib.sha256(b"netra spend:" + owner.encode()).hexdigest()[:40]


def most_tokens(*texts: str) -> int:
    """An upper bound of the tokens of a prompt: a token stands for a byte at least, and a few go around the texts."""
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) + 64
