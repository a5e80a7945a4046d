"""What one attempt at a model request costs: reserved before it is sent, settled when it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...core import plan_points
from ...core.budgets import ModelUse
from ...core.errors import BudgetRefused, Refusal
from ...core.journal import RecordedReply
from ...core.points import Point
from .branches import outside
from .run_recorder import RunRecorder

_REFUSED: Final = "refused"
_RETOLD: Final[type[Refusal]] = BudgetRefused
"""Its guard spoke when the request was made; here it is only said again."""
_POINTS: Final[Mapping[str, Point]] = {
    "budget_exceeded": plan_points.BUDGET_EXCEEDED,
    "model_unpriced": plan_points.BUDGET_UNPRICED,
}


class Spending:
    """The reservation of one attempt."""

    __slots__ = ("_attempt", "_call_id", "_recorder", "_use")

    def __init__(self, recorder: RunRecorder, call_id: str, attempt: int) -> None:
        self._recorder = recorder
        self._call_id = call_id
        self._attempt = attempt
        self._use: ModelUse | None = None

    async def reserve(self, model: str, texts: tuple[str, ...], answer: int) -> None:
        """Raises as ``RunBudgets.reserve`` does."""
        recorder, budgets = self._recorder, self._recorder.services.budgets
        if budgets is not None:
            self._use = await budgets.reserve(
                recorder.emitter.user_id, recorder.plan, self._call_id, self._attempt, model, texts, answer
            )

    def end(self, usage: Mapping[str, Any], *, cost_nothing: bool = False) -> None:
        """It has ended. What the provider says it used is settled soon. If the provider says nothing, it cost nothing if that is
        certain; else the estimate stays. Waits for nothing: what the agent does next must not depend on how long this takes."""
        use, budgets = self._use, self._recorder.services.budgets
        is_told = bool(usage.get("input_tokens") or usage.get("output_tokens"))
        if use is not None and budgets is not None and (is_told or cost_nothing):
            budgets.settle_soon(use, usage if is_told else {}, outside())


def told_refusal(refusal: BudgetRefused) -> dict[str, Any]:
    """What is recorded of a refusal beside its message, in the place of what a request has used."""
    told = {_REFUSED: refusal.entry.id, "hint": refusal.hint}
    return told if refusal.retry_after_ms is None else {**told, "retry_after_ms": refusal.retry_after_ms}


def refused_again(reply: RecordedReply) -> Refusal | None:
    """The refusal that a request was recorded with; ``None`` if it failed otherwise."""
    point = _POINTS.get(reply.usage.get(_REFUSED, ""))
    if point is None or reply.error is None:
        return None
    return _RETOLD(
        reply.error,
        kind=reply.usage[_REFUSED],
        hint=reply.usage.get("hint"),
        retry_after_ms=reply.usage.get("retry_after_ms"),
        point=point,
    )
