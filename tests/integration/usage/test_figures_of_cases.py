"""Bills whose right values are known: an answer may say them, and no others; what the rules say of them holds as well."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.agents.answers.by_model import Facts
from netra_backend.app.agents.cost_optimizer import CostOptimizer
from netra_backend.app.agents.interface import ToolOutcome
from netra_backend.app.agents.tools.usage_tools import usage_tools
from netra_backend.app.agents.triage.understanding import understand
from netra_backend.app.config import Settings
from netra_backend.app.core.errors import ToolError
from netra_backend.app.server.runtime import Runtime
from netra_backend.app.wiring import open_runtime
from test_framework.scripted_scope import ScriptedScope

CASES = Path(__file__).parents[4] / "shared" / "cases" / "usage"
BUCKETS = CASES / "61-flat-daily-buckets"
QUESTIONS = (
    "What did we spend in total?",
    "Where can I cut?",
    "Show me the cost by model and by day",
    "What if volume doubles?",
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.long,
    pytest.mark.skipif(not CASES.is_dir(), reason=f"{CASES} is absent: the checks against known bills do not run"),
]


async def asked(runtime: Runtime, user: str, question: str) -> tuple[str, Facts]:
    """What the rules say, and what a model's answer would be held to that had looked at the same."""
    scope = ScriptedScope(question, usage_tools(runtime.ledger), user_id=user, allowed=CostOptimizer.tools)
    said = (await CostOptimizer().run(scope)).text
    (_, _, profile), *others = scope.calls
    facts = Facts(question, (understand(question, now_ms=scope.now_ms),), profile.result, scope.now_ms)
    for _, arguments, outcome in others:
        # The engine has the details of a refusal under a name of their own.
        error = {"details": outcome.error} if outcome.error else None
        facts.learn(arguments, ToolOutcome(outcome.ok, outcome.result, error))
    return said, facts


async def test_the_right_values_of_a_bill_may_be_said_and_others_not(tmp_path: Path) -> None:
    right: dict[str, Any] = json.loads((BUCKETS / "expected.json").read_text())
    async with open_runtime(Settings(data_dir=tmp_path / "data")) as runtime:
        await runtime.ledger.import_usage("user_1", BUCKETS / right["file"], {}, lambda done, total: None)
        _, facts = await asked(runtime, "user_1", QUESTIONS[0])
    cost = Decimal(str(right["cost_usd"]))
    assert facts.allows(f"You spent ${cost:,.2f}, that is {cost:.0f} dollars.")
    for wrong in (cost * Decimal("1.07"), cost / 2, cost + 1):
        assert not facts.allows(f"You spent ${wrong:,.2f}.")
    assert not facts.allows("You can save 41.7 %, or two fifths.")


async def test_all_that_the_rules_say_of_known_bills_holds(tmp_path: Path) -> None:
    """Whatever can be imported: the figures of the answers are those of the tools."""
    looked_at, wrong = 0, {}
    async with open_runtime(Settings(data_dir=tmp_path / "data")) as runtime:
        for number, expected in enumerate(sorted(CASES.glob("*/expected.json"))):
            user, case = f"user_{number}", expected.parent
            with suppress(ToolError):  # a format that is not read
                file = case / json.loads(expected.read_text())["file"]
                await runtime.ledger.import_usage(user, file, {}, lambda done, total: None)
                looked_at += 1
                for question in QUESTIONS:
                    said, facts = await asked(runtime, user, question)
                    if unsupported := facts.unsupported(said):
                        wrong[case.name, question] = unsupported
    assert wrong == {}
    assert looked_at > 8
