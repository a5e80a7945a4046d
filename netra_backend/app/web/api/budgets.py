"""``/api/budget`` and ``/api/admin/budgets``: what model requests may cost a user, and what they have cost."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core.budgets import Amount, Bound, RunBudget
from ...core.identity import ADMIN, Identity
from ...core.plans import Plans
from ...ports import Clock
from ...services.budget_days import day_of, end_ms
from ...services.run_budgets import RunBudgets
from ...usage.money import pico, usd
from ..http.endpoint import Endpoint, Query, json_response
from ..http.request_query import moment


class BoundOfRun(msgspec.Struct, frozen=True):
    """The most that one run may cost; ``null``: it is not bounded."""

    most_usd: str | None
    most_tokens: int | None


class PeriodBudget(msgspec.Struct, frozen=True):
    """What was spent of a day or month, what is reserved included, and the most that may be; ``null``: it is not bounded."""

    spent_usd: str
    spent_tokens: int
    most_usd: str | None
    most_tokens: int | None
    ends_at_ms: int


class BudgetInfo(msgspec.Struct, frozen=True):
    """Amounts are decimal texts. ``plan`` is empty if yours has no name; days and months begin at midnight of ``timezone``."""

    plan: str
    timezone: str
    run: BoundOfRun
    day: PeriodBudget
    month: PeriodBudget


class UserSpend(msgspec.Struct, frozen=True):
    user_id: str
    usd: str
    tokens: int
    requests: int


class UsersSpend(msgspec.Struct, frozen=True):
    """At most 1000, who spent the most first. Users who deleted their data are not among them."""

    month: str
    users: list[UserSpend]


def budget_endpoints(budgets: RunBudgets, plans: Plans | None, clock: Clock) -> list[Endpoint]:
    """The endpoints of what model requests cost."""

    async def budget(_: Request, identity: Identity) -> Response:
        plan = None if plans is None else plans.of(identity.plan)
        bounds = (None if plan is None else plan.budget) or RunBudget()
        spent, now_ms = await budgets.spent(identity.user_id, bounds), clock.now_ms()
        day_ends, month_ends = (end_ms(period, now_ms, bounds.timezone) or 0 for period in ("day", "month"))
        shown = BudgetInfo(
            "" if plan is None else plan.name,
            bounds.timezone,
            BoundOfRun(_text(bounds.run.usd), bounds.run.tokens),
            _period(bounds.day, spent.day, day_ends),
            _period(bounds.month, spent.month, month_ends),
        )
        return json_response(shown)

    async def spenders(request: Request, _: Identity) -> Response:
        asked: datetime | None = moment(request, "month")
        month = day_of(clock.now_ms())[:7] if asked is None else asked.strftime("%Y-%m")
        found = await budgets.spenders(month)
        users = [UserSpend(each.owner, _text(each.usd) or "0", each.tokens, each.requests) for each in found]
        return json_response(UsersSpend(month, users))

    return [
        Endpoint(
            method="GET",
            path="/api/budget",
            name="readBudget",
            about="What requests to language models may cost you, and what they have cost this day and month.",
            handler=budget,
            answer=BudgetInfo,
        ),
        Endpoint(
            method="GET",
            path="/api/admin/budgets",
            name="listSpenders",
            about="What requests to language models have cost in a month, by user.",
            handler=spenders,
            answer=UsersSpend,
            scope=ADMIN,
            query=(Query("month", str, "A date in the month, such as 2026-11-01; by default this one (UTC)."),),
            refusals=("invalid_frame",),
        ),
    ]


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else usd(pico(amount))


def _period(bound: Bound, spent: Amount, ends_at_ms: int) -> PeriodBudget:
    return PeriodBudget(_text(spent.usd) or "0", spent.tokens, _text(bound.usd), bound.tokens, ends_at_ms)
