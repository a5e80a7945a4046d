"""The validation points of plans and run budgets."""

from __future__ import annotations

from .points import catalogued as _point

AUTH_PLAN = _point(
    "auth.plan",
    "services.authentication",
    "AuthenticationRefused",
    "a token names no plan that the server does not have",
)
PLAN_AGENT = _point(
    "plan.agent",
    "agents.supervisor.agent_registry",
    "NotFound",
    "an agent outside of its user's plan is answered like one that does not exist",
    told_as="registry.agent",
)
PLAN_TOOL = _point(
    "plan.tool",
    "agents.tools.unified_tool_dispatcher_factory",
    "ToolRefused",
    "a tool outside of its user's plan is answered like one that does not exist",
    told_as="dispatcher.tool",
)
PLAN_NAMES = _point(
    "plan.names", "services.plan_names", "ConfigurationError", "a plan names only agents and tools that the server has"
)
BUDGET_EXCEEDED = _point(
    "budget.exceeded",
    "services.run_budgets",
    "BudgetRefused",
    "a user's requests to models cost no more than the budget",
)
BUDGET_UNPRICED = _point(
    "budget.unpriced",
    "services.run_budgets",
    "BudgetRefused",
    "under a budget in dollars, a model that has no price is not asked",
)
