"""The questions that may be asked about usage rows: name → where the answer is computed.

A question is a pure function ``(rows: Rows, arguments: Mapping[str, Any]) -> plain JSON``. It runs in the ledger's child
process, over the rows of the one owner that the child serves; it raises ``ToolError`` for a typed answer. Paths are imported
on first use, so that a child starts without the weight of what it is not asked.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

Question = Callable[..., Any]

QUESTIONS: Final[Mapping[str, str]] = {
    "data_profile": "netra_backend.app.usage.profile:data_profile",
    "database_query": "netra_backend.app.usage.query:database_query",
    "raw_sql": "netra_backend.app.usage.raw_sql:raw_sql",
    "cost_summary": "netra_backend.app.usage.summary:cost_summary",
    "estimate_savings": "netra_backend.app.usage.savings:estimate_savings",
    "combine_savings": "netra_backend.app.usage.savings:combine_savings",
    "what_if": "netra_backend.app.usage.what_if:what_if",
    "detect_anomalies": "netra_backend.app.usage.anomalies:detect_anomalies",
    "forecast_spend": "netra_backend.app.usage.forecast:forecast_spend",
}
"""Name → ``module:function``."""

BOUNDED: Final = frozenset({"database_query", "raw_sql", "estimate_savings", "combine_savings"})
"""Questions that take ``limits``, too."""


def allowed(questions: Mapping[str, str] = QUESTIONS, *, raw_sql: bool) -> dict[str, str]:
    """The questions that are answered; ``raw_sql`` among them only where the operator allows it."""
    return {name: path for name, path in questions.items() if raw_sql or name != "raw_sql"}


def load_question(name: str, questions: Mapping[str, str] = QUESTIONS) -> Question:
    """The function that answers ``name``. Raises ``KeyError`` for a name that is not in the list."""
    module, _, function = questions[name].partition(":")
    return cast(Question, getattr(importlib.import_module(module), function))
