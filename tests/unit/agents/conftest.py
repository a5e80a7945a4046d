"""An agent's run over real tools and rows that a test spells out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

import pytest

from netra_backend.app.adapters.secrets.sealing import AesGcmCipher
from netra_backend.app.agents.cost_optimizer import CostOptimizer
from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.agents.tools.usage_tools import usage_tools
from netra_backend.app.agents.triage.intents import INTENTS
from test_framework.scripted_scope import InProcessLedger, ScriptedScope
from test_framework.usage_rows import usage_rows
from tests.mcp_clients import CountingClient

START = datetime(2026, 10, 13)


class Ask(Protocol):
    """``ask(message, rows=…, replies=…)``: the cost optimizer's result, and the scope it ran in."""

    async def __call__(
        self, message: str, *, rows: Iterable[Mapping[str, Any]] | None = None, **scope: Any
    ) -> tuple[AgentResult, ScriptedScope]: ...


def three_weeks() -> list[dict[str, Any]]:
    """Four requests a day from 13 October to 2 November 2026, by two models and two teams."""
    return [
        {
            "ts": START + timedelta(hours=6 * number),
            "model": "gpt-4o" if number % 2 else "claude-sonnet-4-5",
            "provider": None,
            "team": "search" if number % 3 else "ads",
            "feature": "nightly" if number % 4 == 0 else "chat",
            "status": "error" if number % 10 == 0 else "ok",
            "latency_ms": 400.0 + number,
        }
        for number in range(84)
    ]


@pytest.fixture
def ask() -> Ask:
    async def run(
        message: str, *, rows: Iterable[Mapping[str, Any]] | None = None, **scope: Any
    ) -> tuple[AgentResult, ScriptedScope]:
        ledger: Any = InProcessLedger("user_1", usage_rows(three_weeks() if rows is None else rows), usage_rows([]))
        scripted = ScriptedScope(message, usage_tools(ledger), allowed=CostOptimizer.tools, **scope)
        return await CostOptimizer().run(scripted), scripted

    return run


@pytest.fixture
async def shop(workshop: Any) -> Any:
    """A workshop whose users ada and bob have a server each, also after a restart; ada's is trusted."""
    workshop.cipher, workshop.mcp_client = AesGcmCipher(b"k" * 32), CountingClient()
    workshop.open()
    for owner in ("user_ada", "user_bob"):
        await workshop.mcp_servers.add(owner, "shop", f"https://{owner[5:]}.invalid/", "", "", owner == "user_ada")
    return workshop


@pytest.fixture
def unclear(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classifier is in two minds about everything."""
    scores = dict.fromkeys(INTENTS, -1.0) | {"cost_overview": 0.0, "price_lookup": -0.1, "out_of_scope": -0.1}
    monkeypatch.setattr("netra_backend.app.agents.triage.decision.scores", lambda reading: dict(scores))
