"""An agent whose only call waits for its user's word, and that word."""

from __future__ import annotations

from typing import Any

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.events import ApprovalRequested
from netra_backend.app.core.frames import ResolveApproval

from .counted_tool import Counter, adding


def let_pay(*workshops: Any) -> Counter:
    """Give each of them an agent ``golden`` that pays 7 once its user approves; counts the payments of all."""
    counter = Counter()

    async def run(scope: Any) -> AgentResult:
        outcome = await scope.use_tool("pay", amount=7)
        return AgentResult("", {"ok": outcome.ok})

    for workshop in workshops:
        workshop.tool(adding(counter, "pay", idempotent=False, approval=True))
        workshop.agent("golden", run, ["pay"])
    return counter


def word(
    requested: ApprovalRequested,
    decision: Any = "approve",
    *,
    approval_id: str | None = None,
    arguments_hash: str | None = None,
) -> ResolveApproval:
    """The user's word about a call; with another id or hash, a word about something else."""
    return ResolveApproval(
        approval_id or requested.approval_id, decision, arguments_hash or requested.arguments_hash, "word"
    )
