"""The checks against data that nobody here made: real traces through the real ledger, its importers and its child process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from netra_backend.app.adapters.ledger.ledger import DuckDBLedger
from netra_backend.app.adapters.process.clock import SystemClock, SystemEntropy
from netra_backend.app.agents.cost_optimizer import CostOptimizer
from netra_backend.app.agents.tools.usage_tools import usage_tools
from netra_backend.app.core.errors import ToolError
from test_framework.scripted_scope import ScriptedScope

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is absent: the checks against real traces do not run"),
]


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[DuckDBLedger]:
    """A ledger that holds both traces, as the demo imports them, for ``user_1``."""
    ledger = DuckDBLedger(tmp_path, SystemClock(), SystemEntropy())
    await ledger.start()
    traces: tuple[tuple[str, dict[str, str]], ...] = (
        ("tracelab/example_sessions_sanitized_round_trace.jsonl", {}),
        ("mooncake/synthetic_trace.jsonl", {"model": "gpt-4o"}),
    )
    for path, options in traces:
        await ledger.import_usage("user_1", DATA / path, options, lambda done, total: None)
    yield ledger
    await ledger.close()


async def test_the_printed_report_shows_tracelabs_cost_and_mooncakes_hits(ledger: DuckDBLedger) -> None:
    scope = ScriptedScope(
        "Where does my money go, and where can I cut?", usage_tools(ledger), allowed=CostOptimizer.tools
    )
    result = await CostOptimizer().run(scope)
    refused = [(outcome.error or {}).get("code") for _, _, outcome in scope.calls if not outcome.ok]
    assert refused == [
        "INSUFFICIENT_HISTORY"
    ]  # three days of usage are no ground for a forecast, and the report says so
    report = result.data["report"]
    by_dataset = {dataset["dataset_id"]: dataset["format"] for dataset in report["summary"]["datasets"]}
    costs = {by_dataset[part["key"]]: Decimal(part["usd"]) for part in report["summary"]["breakdowns"]["dataset"]}
    assert abs(costs["tracelab"] - Decimal("0.668971")) <= Decimal("1e-6")
    assert "$0.668971" in result.text
    levers = {lever["lever"]: lever for lever in report["savings"]["levers"]}
    assert levers["prompt_cache"]["details"]["prefix_hit_percent"] == pytest.approx(65.9, abs=2)


async def test_mooncake_has_the_published_number_of_requests_and_mean_sizes(ledger: DuckDBLedger) -> None:
    summary = await ledger.ask("user_1", "cost_summary", {"model": "gpt-4o"})
    units = summary["unit_economics"]
    assert summary["requests"] == 3993
    assert (int(units["input_tokens_per_request"]), int(units["output_tokens_per_request"])) == (15325, 149)


async def test_three_days_far_apart_make_neither_a_forecast_nor_a_month(ledger: DuckDBLedger) -> None:
    with pytest.raises(ToolError) as refused:
        await ledger.ask("user_1", "forecast_spend", {})
    assert refused.value.code == "INSUFFICIENT_HISTORY"
    combined = await ledger.ask("user_1", "combine_savings", {})
    assert combined["month"] is None


async def test_another_user_has_none_of_it(ledger: DuckDBLedger) -> None:
    scope = ScriptedScope("Where can I cut?", usage_tools(ledger), user_id="user_2")
    result = await CostOptimizer().run(scope)
    assert result.data["code"] == "NO_DATA"
