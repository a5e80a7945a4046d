"""What every run needs and no run owns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ...core.limits import USUAL, Limits
from ...mcp_ports import McpClient
from ...ports import Clock, Model
from ...services.audit_trail import AuditTrail
from ...services.files import Files
from ...services.mcp_authorizations import McpAuthorizations
from ...services.mcp_servers import McpServers
from ...services.one_slice_a_turn import OneSliceATurn
from ...services.questions import OpenQuestions
from ...services.run_budgets import RunBudgets
from ...services.secrets import Secrets
from .agent_registry import AgentRegistry


@dataclass(frozen=True, slots=True)
class RunServices:
    """Made once by the composition root. ``mint(kind)`` makes an id; ``model`` is ``None`` if none is configured; refused
    tool calls stand in the ``audit_trail``; agents ask each other by the names in the ``registry``, and read their users'
    ``files``. An approval, or a question that does not say, is waited for ``approval_ms``; an answer of the model has
    ``model_tokens`` where its agent does not say. The other bounds are in ``limits``. ``secrets`` are those of users and of the
    server; ``mcp_servers`` those that users add, ``mcp_authorizations`` has tokens for them, and ``mcp_client`` asks them.
    Agents' ``long_work`` leaves others their turn."""

    clock: Clock
    questions: OpenQuestions
    mint: Callable[[str], str]
    model: Model | None = None
    audit_trail: AuditTrail | None = None
    registry: AgentRegistry = field(default_factory=AgentRegistry)
    approval_ms: int = round(USUAL.approval_s * 1000)
    model_tokens: int = USUAL.model_tokens
    files: Files | None = None
    long_work: OneSliceATurn = field(default_factory=OneSliceATurn)
    limits: Limits = USUAL
    secrets: Secrets | None = None
    mcp_servers: McpServers | None = None
    mcp_authorizations: McpAuthorizations | None = None
    mcp_client: McpClient | None = None
    budgets: RunBudgets | None = None
    """``None``: what models cost is not counted."""
